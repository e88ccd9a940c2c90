"""Mazes of DeepMind Lab's own generator and textures, drawn by casting rays."""

import functools
from typing import NamedTuple

import numpy as np
from PIL import Image

from vqvae_tf.data.first_person.engine import FORWARD, TURN_LEFT, TURN_RIGHT, UNDRAWN, Engine, View
from vqvae_tf.optional_packages import require

CELLS = 11  # along a side of a maze
STEP = 0.15  # cells that a step forward takes
BODY = 0.2  # cells between the walker and a wall
NEAR = 0.6  # cells to a wall that blocks the view
FIELD = 74.0  # degrees of the view
RAYS = 2  # along each side of a pixel, averaged
TEXELS = 64  # along a side of a texture
SKY = 90  # texels of the sky for a quarter of the way around
_CHANNEL = 16  # bits between the channels of a packed colour, which may hold sums of pixels


class _Style(NamedTuple):
    """Packed colours: walls and floors `[kinds, texels, texels]`."""

    walls: np.ndarray
    floors: np.ndarray


class MazeEngine(Engine):
    """A new maze for every seed, one of three skies, no momentum.

    Args:
        size: side of a frame, in pixels.
        degrees: of a turn.
        style: name of labmaze's textures.

    Raises:
        UserError: labmaze is not installed.
    """

    def __init__(self, size: int, degrees: float, style: str):
        self._maze = package()
        self._size, self._degrees, self._style = size, degrees, style
        half = np.tan(np.radians(FIELD) / 2)
        rays = size * RAYS
        self._across = (np.arange(rays) + 0.5) / rays * 2 * half - half  # per unit of depth
        self._down = self._across[:, None]

    def start(self, seed: int, drawn: bool = True) -> View:
        maze = self._maze.RandomMaze(
            height=CELLS, width=CELLS, max_rooms=4, room_min_size=3, room_max_size=5,
            random_seed=seed % (2**31 - 1),
        )  # fmt: skip
        style = _style(self._style)
        self._wall = np.asarray(maze.entity_layer).view("U1").reshape(CELLS, CELLS) == "*"
        letters = np.asarray(maze.variations_layer).view("U1").reshape(CELLS, CELLS)
        rooms = letters.view(np.uint32).astype(int) - ord("A")
        floors = np.where(letters == ".", 0, 1 + rooms % (len(style.floors) - 1))
        # A wall has the colour of a room beside it.
        beside = np.max([np.roll(floors, (y, x), (0, 1)) for y, x in _NEIGHBOURS], axis=0)
        self._floors, self._walls = floors, beside % len(style.walls)
        self._sky = _sky(f"sky_0{1 + seed % 3}")
        draws = np.random.default_rng(seed)
        free = np.argwhere(~self._wall)
        y, x = free[draws.integers(len(free))]
        self._place, self._angle = np.array([x + 0.5, y + 0.5]), float(draws.integers(45)) * 8.0
        return self._view(drawn)

    def act(self, action: int, drawn: bool = True) -> View:
        turn = {TURN_LEFT: self._degrees, TURN_RIGHT: -self._degrees}.get(action, 0.0)
        self._angle = (self._angle + turn) % 360
        if action == FORWARD:
            angle = np.radians(self._angle)
            for axis, step in enumerate((np.cos(angle) * STEP, -np.sin(angle) * STEP)):
                ahead = self._place.copy()
                ahead[axis] += step + np.sign(step) * BODY
                if not self._wall[int(ahead[1]), int(ahead[0])]:
                    self._place[axis] += step
        return self._view(drawn)

    def _view(self, drawn):
        angles = np.radians(self._angle + np.array([-15.0, 0.0, 15.0]))
        blocked = self._cast(np.cos(angles), -np.sin(angles))[0].min() < NEAR
        frame = self._draw() if drawn else UNDRAWN
        x, y = self._place
        return View(frame, (x, -y, self._angle), bool(blocked))

    def _cast(self, x, y):
        """How far each ray goes, where it meets a wall across (0 to 1), and that wall's kind.

        Args:
            x, y: `[rays]`, the directions; y grows downwards in the maze.
        """
        lines = np.arange(1, CELLS)[:, None]
        found = []
        for axis, (along, other) in enumerate(((x, y), (y, x))):
            reach = (lines - self._place[axis]) / np.where(np.abs(along) < 1e-9, 1e-9, along)
            across = self._place[1 - axis] + reach * other
            here = np.where(along > 0, lines, lines - 1)
            there = np.clip(across, 0, CELLS - 1).astype(int)
            cell = (there, here) if axis == 0 else (here, there)
            meets = (reach > 1e-6) & (across > 0) & (across < CELLS) & self._wall[cell]
            reach = np.where(meets, reach, np.inf)
            nearest = reach.argmin(0)[None]
            found.append(
                [np.take_along_axis(each, nearest, 0)[0] for each in (reach, across)]
                + [np.take_along_axis(self._walls[cell], nearest, 0)[0]]
            )
        first = found[0][0] <= found[1][0]
        reach, across, kind = (np.where(first, *each) for each in zip(*found, strict=True))
        return reach, across % 1, kind

    def _draw(self):
        style = _style(self._style)
        angle = np.radians(self._angle)
        ahead_x, ahead_y = np.cos(angle), -np.sin(angle)
        x, y = ahead_x - self._across * ahead_y, ahead_y + self._across * ahead_x
        depth, across, kind = self._cast(x, y)
        height = self._down * depth + 0.5  # on the wall: 0 is its top, 1 its bottom
        row = np.clip(height * TEXELS, 0, TEXELS - 1).astype(int)
        column = (across * TEXELS).astype(int) % TEXELS
        colours = style.walls.ravel()[(kind * TEXELS + row) * TEXELS + column]
        middle = len(self._across) // 2
        reach = 0.5 / self._down[middle:]
        places = self._place[0] + reach * x, self._place[1] + reach * y
        cell_x, cell_y = (np.clip(each, 0, CELLS - 1).astype(int) for each in places)
        texel_x, texel_y = ((each * TEXELS).astype(int) % TEXELS for each in places)
        floor = (self._floors[cell_y, cell_x] * TEXELS + texel_y) * TEXELS + texel_x
        below, above = colours[middle:], colours[:middle]
        np.copyto(below, style.floors.ravel()[floor], where=height[middle:] > 1)
        around = (self._angle - np.degrees(np.arctan(self._across))) % 360
        up = np.clip(SKY + self._down[:middle] * 80, 0, SKY - 1).astype(int)
        np.copyto(above, self._sky[up, 4 * SKY - 1 - around.astype(int)], where=height[:middle] < 0)
        return _averaged(colours, self._size)


_SHIFTS = np.arange(3, dtype=np.uint64) * np.uint64(_CHANNEL)
_NEIGHBOURS = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)]


def package():
    """The module labmaze, with its assets; a `UserError` if it cannot be imported."""
    require("labmaze.assets", "video", "embedded:labmaze")
    return require("labmaze", "video", "embedded:labmaze")


@functools.cache
def _style(name: str) -> _Style:
    assets = package().assets
    kinds = assets.get_wall_texture_paths(name), assets.get_floor_texture_paths(name)
    walls, floors = (
        np.stack([_texture(path) for _, path in sorted(paths.items())]) for paths in kinds
    )
    return _Style(walls, floors)


@functools.cache
def _sky(name: str) -> np.ndarray:
    sky = package().assets.get_sky_texture_paths(name)
    sides = (sky.front, sky.left, sky.back, sky.right)
    return np.concatenate([_texture(path, SKY) for path in sides], axis=1)


def _texture(path: str, side: int = TEXELS) -> np.ndarray:
    """Packed colours `[side, side]`."""
    # By way of RGBA: some textures have a palette with a transparent colour.
    with Image.open(path) as file:
        image = file.convert("RGBA").convert("RGB").resize((side, side), Image.Resampling.BOX)
    return (np.asarray(image).astype(np.uint64) << _SHIFTS).sum(-1, dtype=np.uint64)


def _averaged(colours: np.ndarray, size: int) -> np.ndarray:
    """uint8 `[size, size, 3]`, each pixel the mean of its rays, of packed colours."""
    sums = colours.reshape(size, RAYS, size, RAYS).sum((1, 3))
    channels = sums[..., None] >> _SHIFTS & np.uint64(2**_CHANNEL - 1)
    return ((channels + RAYS**2 // 2) // RAYS**2).astype(np.uint8)
