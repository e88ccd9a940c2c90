"""The largest numbers that configurations and arguments may hold.

They are far above any real use, and low enough to refuse what would fill the memory or never end.
"""

WIDEST = 2**12  # channels of a layer, numbers per code
LARGEST_KERNEL = 2**6  # taps along an axis
DEEPEST = 2**8  # layers or blocks of a network, levels, entries of a tuple of numbers
LARGEST_CODEBOOK = 2**20  # codes in a codebook, classes, values of a sample
LARGEST_TABLE = 2**28  # numbers in one table of vectors
LARGEST_SIDE = 2**13  # of a training picture in pixels, of a grid in codes
LONGEST_WINDOW = 2**22  # samples of a training sound, codes of a training sequence
LARGEST_GRID = 2**20  # codes per sample, over all slots
MOST_SAMPLES = 100_000  # drawn by one call
MOST_IMAGINED = 10_000  # frames of one roll-out
MOST_DRAWS = 1_000  # of which the likeliest is kept
LARGEST_SAMPLE = 10**9  # number of a sample among those of a seed
MOST_PASSES = 1_000  # of a search for codes, of k-means
LARGEST_PICTURE = 2**24  # pixels of a TFLite file's picture
LARGEST_BATCH = 2**32  # numbers in a batch
QUIETEST_DB = 150  # decibels below full scale; of 24-bit samples the quietest is 138 below
LONGEST_RUN = 10**9  # steps
LARGEST_SEED = 2**32 - 1  # of training and of layers
LARGEST_SAMPLING_SEED = 2**64 - 1
LARGEST_NUMBER = 1e9  # all other numbers, such as weights of losses and rates
