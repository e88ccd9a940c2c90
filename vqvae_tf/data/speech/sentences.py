"""English sentences from a small grammar: the same on every machine, without any text to read."""

import functools
import random
import re

# Chosen so that all speech sounds of English occur often, also the rare ones (vision, boy, cow).
_WORDS = {
    "PERSON": """
        doctor teacher farmer sailor painter lawyer baker butcher dancer singer writer driver
        soldier tailor judge nurse queen king prince child boy girl woman man mother father brother
        sister uncle aunt cousin neighbour stranger thief guard pilot captain cook waiter gardener
        musician engineer chemist student scholar poet priest mayor shepherd hunter fisherman
        carpenter plumber jeweller juggler cowboy boyfriend grandmother nephew toddler youth voter
    """,
    "NAME": """
        Anna George Martha Charles Julia Thomas Ruth Victor Joyce Hugh Sarah Roy Judith Arthur Beth
        Edward Ginger Paul Zoe Walter Yvonne Philip Heather Shaun Cheryl Joan Roger Sophie Luke
    """,
    "THING": """
        table chair window basket bottle blanket candle hammer kettle ladder mirror needle pencil
        bridge carriage church engine fence garage garden hedge jacket key kitchen lamp leather
        letter machine measure medal mountain newspaper oil orange package painting paper piano
        picture pillow pocket pot powder puzzle radio ribbon river road rope saddle shadow sheet
        shirt shoe shovel silver soup spoon stone story sugar sword tea television ticket tool
        tower toy treasure tree trumpet umbrella vase village violin voice wagon wall watch water
        whistle wheel wine yard zipper book boat box bread brush butter button cage cake camera
        carpet cheese clock cloud coat coin cookie corn couch cow cup curtain dish dog donkey door
        dress drum egg envelope feather flag flower flute fork fox fruit glove goat gold hat horse
        house ice jar jewel juice knife lemon lion map meadow mouse mushroom nest noise onion owl
        pearl pie pigeon plough poison pudding rabbit ring root rug salt ship snake snow soil
        spider star stool thread throne thumb tooth tractor vegetable vision wool yacht zebra
    """,
    "PLURAL": """
        apples arrows beans bells birds bones books boxes bushes cages candles chairs cherries coins
        cows dishes dogs doors eggs feathers fish flowers forks geese gloves goats horses houses
        jewels keys leaves lemons letters lights matches mice months oranges pages pearls pictures
        pies plates potatoes rabbits roads roses sheep ships shoes socks songs spoons stones storks
        strangers thieves toys treasures trees voices watches wheels wolves words years youths
    """,
    "ADJECTIVE": """
        old young tall short heavy quiet loud clever foolish gentle rough smooth bright dark cheap
        dear fresh sour sweet bitter thin thick wide narrow clean dirty dry wet empty full famous
        usual casual beige azure royal noisy joyful oily pointed round proud brown cloudy powerful
        huge tiny yellow purple green blue white black grey golden wooden woollen broken frozen
        hidden shiny dusty muddy rusty sleepy hungry thirsty angry happy lonely lovely lucky
        strange fierce shy brave calm careful charming cheerful worthy healthy wealthy northern
        southern smooth other genuine visual leisurely unusual
    """,
    "DID": """
        carried dropped painted measured opened closed found lost sold bought borrowed stole washed
        broke repaired pushed pulled lifted watched followed described remembered forgot noticed
        examined enjoyed destroyed avoided covered uncovered polished decorated photographed
        counted moved touched threw caught cut chose drew wrapped unwrapped weighed wanted hid
        changed chased cherished fetched judged joined guarded showed shook took used viewed valued
        treasured loathed soothed gathered bothered thought_about looked_at laughed_at asked_for
        talked_about waited_for pointed_at shouted_about
    """,
    "WENT": """
        walked ran jumped danced slept sat stood waited rested worked played sang shouted whispered
        laughed cried smiled yawned coughed fell stumbled climbed crawled travelled arrived vanished
        stayed lived hid argued thought read wrote snored sneezed prayed swam sailed rode
    """,
    "WHERE": """
        in_the_garden near_the_river behind_the_church under_the_bridge at_the_market by_the_window
        on_the_roof in_the_cellar beside_the_road across_the_valley through_the_forest
        around_the_corner along_the_shore above_the_village below_the_mountain inside_the_house
        outside_the_city between_the_hedges beyond_the_meadow at_the_theatre in_the_garage
        on_the_beach over_the_wall near_the_power_station by_the_swimming_pool in_the_southern_woods
        at_the_north_gate on_a_huge_yacht under_a_thick_cloud in_a_foggy_harbour
    """,
    "WHEN": """
        yesterday last_Thursday before_breakfast after_lunch at_noon in_the_evening every_morning
        during_the_storm all_night on_Sunday in_July twice_a_year for_an_hour until_dawn
        at_half_past_four this_month once_again in_good_weather with_pleasure as_usual
        on_her_birthday without_a_noise with_great_joy
    """,
    "HOW": """
        slowly quickly quietly loudly gladly sadly badly carefully carelessly easily gently
        roughly smoothly proudly usually casually rarely never always often soon seldom
        thoughtfully joyfully curiously anxiously suddenly
    """,
    "COUNT": """
        two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen twenty
        thirty forty fifty several many few both other these those
    """,
    "SAID": """
        said thought knew believed hoped feared heard wrote claimed admitted imagined noticed
        dreamed
    """,
    "JOINT": "and but while because although before after until whenever so",
    "THE": "the the the the a this that my your his her our their each every another",
    "WHOSE": "the my your his her our their",
    "IS": "was seemed looked became sounded remained",
    "MODAL": "should could would will must might can",
    "DO": """
        carry drop paint measure open close find lose sell buy borrow steal wash break repair push
        pull watch follow describe remember notice examine enjoy destroy avoid cover polish count
        move touch throw catch choose draw weigh hide change chase fetch judge join show take use
    """,
    "WHY": "why where when how",
}
_PATTERNS = (
    "THE ADJECTIVE PERSON DID THE THING WHERE",
    "NAME DID COUNT PLURAL WHEN",
    "NAME and NAME DID THE ADJECTIVE THING",
    "THE PERSON WENT WHERE WHEN",
    "WHOSE ADJECTIVE PLURAL WENT HOW WHERE",
    "THE THING WHERE IS ADJECTIVE and ADJECTIVE",
    "NAME SAID that THE PERSON DID THE THING",
    "THE PERSON DID THE THING JOINT NAME WENT WHEN",
    "NAME MODAL DO COUNT ADJECTIVE PLURAL WHEN",
    "WHY did THE PERSON DO THE THING WHERE",
    "WHOSE PERSON HOW DID THE THING and THE THING",
    "WHEN THE ADJECTIVE PERSON WENT HOW WHERE",
    "COUNT PLURAL were ADJECTIVE JOINT THE PERSON DID THE THING",
    "NAME WENT WHERE JOINT WHOSE PLURAL were ADJECTIVE",
    "THE PERSON with THE ADJECTIVE THING DID NAME WHEN",
    "did NAME DO THE THING JOINT THE PERSON WENT WHERE",
    "MODAL you DO THE ADJECTIVE THING HOW",
    "THE THING IS too ADJECTIVE for COUNT ADJECTIVE PLURAL",
)
_QUESTIONS = ("WHY", "did", "MODAL")


def sentences(count: int, seed: int = 0) -> tuple[str, ...]:
    """That many different sentences of 5 to 14 words; those of a smaller number come first.

    >>> sentences(2)[1]
    'Will you wash their woollen powder curiously?'
    """
    draws = random.Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        found[_sentence(draws)] = None
    return tuple(found)


def _sentence(draws: random.Random) -> str:
    pattern = _choice(draws, _PATTERNS)
    words: list[str] = []
    for slot in pattern.split():
        words.append(_choice(draws, _choices(slot)) if slot in _WORDS else slot)
    text = " ".join(words).replace("_", " ")
    text = re.sub(r"\ba (?=[aeiou])(?!usual)", "an ", text)
    return text[0].upper() + text[1:] + ("?" if pattern.startswith(_QUESTIONS) else ".")


@functools.cache
def _choices(slot: str) -> tuple[str, ...]:
    return tuple(_WORDS[slot].split())


def _choice(draws: random.Random, among: tuple[str, ...]) -> str:
    # Python keeps the numbers of random() the same in all releases, but not those of choice().
    return among[int(draws.random() * len(among))]
