"""Paper A's Tables 1 to 5, as printed."""

from typing import NamedTuple

OURS = "paper A"
"""In a rival's name: paper A itself, by another of its tables."""


class Scores(NamedTuple):
    """PSNR (dB) and SSIM of images, PA, mPA, mIoU and FWIoU of masks; None where the table has none."""

    psnr: float | None = None
    ssim: float | None = None
    pa: float | None = None
    mpa: float | None = None
    miou: float | None = None
    fwiou: float | None = None


class Published(NamedTuple):
    """One degradation of one data set: the scores of the degraded images, of paper A, and of its rivals.

    `degradation` is a name of `training.data.degradations`, `data` a layout of `training.data.readers`.
    """

    tables: str
    data: str
    degradation: str
    label: str
    degraded: Scores
    refined: Scores
    rivals: dict[str, Scores]


CLEAN = Scores(pa=0.9598, mpa=0.8725, miou=0.8049, fwiou=0.9268)
"""Table 1: the original segmentation of CelebAMask-HQ's clean images."""

# GB's SSIM is .9331 in Table 1 and .8931 in Table 2, its degraded images 23.93/.6960 and 24.11/.7562: Table 1's stand
# under `refined` and `degraded`, Table 2's among the rivals. GN's refined PA is printed 09664.
CELEBA = "celebamask-hq"

TABLES = (
    Published(
        "1, 2", CELEBA, "chromatic_aberration", "CA",
        Scores(23.05, 0.7407, 0.9361, 0.7332, 0.6453, 0.8893),
        Scores(32.03, 0.9271, 0.9569, 0.8531, 0.7150, 0.9274),
        {"Deep Prior": Scores(23.25, 0.7539), "RL-Restore": Scores(31.17, 0.9025), "NLRN": Scores(31.83, 0.9214)},
    ),
    Published(
        "1, 2", CELEBA, "gaussian_blur", "GB",
        Scores(23.93, 0.6960, 0.4023, 0.2289, 0.1524, 0.2265),
        Scores(30.97, 0.9331, 0.5808, 0.4554, 0.4156, 0.5916),
        {
            "Table 2, degraded": Scores(24.11, 0.7562),
            "Deep Prior": Scores(24.58, 0.7608),
            "RL-Restore": Scores(28.40, 0.8827),
            "NLRN": Scores(29.71, 0.8864),
            "Table 2, paper A": Scores(30.97, 0.8931),
        },
    ),
    Published(
        "1, 2", CELEBA, "gaussian_noise", "GN",
        Scores(22.32, 0.5946, 0.9402, 0.7720, 0.6923, 0.9002),
        Scores(28.37, 0.8388, 0.9664, 0.8530, 0.7505, 0.9172),
        {"Deep Prior": Scores(22.45, 0.6167), "RL-Restore": Scores(26.36, 0.8011), "NLRN": Scores(28.11, 0.8339)},
    ),
    Published(
        "1, 2", CELEBA, "jpeg", "JPEG",
        Scores(25.67, 0.7482, 0.9224, 0.7237, 0.6311, 0.8676),
        Scores(27.73, 0.8384, 0.9280, 0.7947, 0.7139, 0.8863),
        {"Deep Prior": Scores(26.11, 0.7523), "RL-Restore": Scores(27.09, 0.8115), "NLRN": Scores(27.52, 0.8295)},
    ),
    Published(
        "3", "rain-cityscapes", "rain", "rain", Scores(), Scores(32.41, 0.9579),
        {
            "DSC": Scores(16.25, 0.7746),
            "GMMLP": Scores(17.80, 0.8169),
            "JOB": Scores(15.10, 0.7592),
            "RESCAN": Scores(24.49, 0.8852),
            "DID-MDN": Scores(28.43, 0.9349),
            "SPANet": Scores(25.39, 0.8933),
            "PReNet": Scores(25.96, 0.9147),
            "DAF-Net": Scores(30.06, 0.9530),
        },
    ),
    Published(
        "4", "foggy-cityscapes", "fog", "fog", Scores(), Scores(32.64, 0.9618),
        {"DCP": Scores(23.98, 0.8349), "NLID": Scores(24.43, 0.8512), "MSCNN": Scores(29.36, 0.9317)},
    ),
    Published(
        "5", "cityscapes", "reflection", "reflection", Scores(), Scores(32.06, 0.9590),
        {
            "LB14": Scores(29.23, 0.9337),
            "CEILNet": Scores(24.51, 0.8826),
            "PLRS": Scores(28.06, 0.9182),
            "BDN": Scores(15.10, 0.7592),
            "ERRNet": Scores(30.80, 0.9369),
        },
    ),
)  # fmt: skip
