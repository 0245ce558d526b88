"""Paper A's Tables 1 to 5, as printed."""

from typing import NamedTuple

OURS = "paper A"
"""In a rival's name: paper A itself, by another of its tables."""


class Printed(NamedTuple):
    """PSNR (dB) and SSIM of images, PA, mPA, mIoU and FWIoU of masks; None if the table has none."""

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
    degraded: Printed
    refined: Printed
    rivals: dict[str, Printed]

    def gain(self, key: str) -> float | None:
        """Paper A's gain in the score `key`; None if its table has no score of the degraded images."""
        before: float | None = getattr(self.degraded, key)
        return None if before is None else float(getattr(self.refined, key) - before)


CLEAN = Printed(pa=0.9598, mpa=0.8725, miou=0.8049, fwiou=0.9268)
"""Table 1: the original segmentation of CelebAMask-HQ's clean images."""

# GB's SSIM is .9331 in Table 1 and .8931 in Table 2, its degraded images 23.93/.6960 and 24.11/.7562: `refined` and
# `degraded` have Table 1's, the rivals Table 2's. GN's refined PA is printed 09664.
CELEBA = "celebamask-hq"

TABLES = (
    Published(
        "1, 2", CELEBA, "chromatic_aberration", "CA",
        Printed(23.05, 0.7407, 0.9361, 0.7332, 0.6453, 0.8893),
        Printed(32.03, 0.9271, 0.9569, 0.8531, 0.7150, 0.9274),
        {"Deep Prior": Printed(23.25, 0.7539), "RL-Restore": Printed(31.17, 0.9025), "NLRN": Printed(31.83, 0.9214)},
    ),
    Published(
        "1, 2", CELEBA, "gaussian_blur", "GB",
        Printed(23.93, 0.6960, 0.4023, 0.2289, 0.1524, 0.2265),
        Printed(30.97, 0.9331, 0.5808, 0.4554, 0.4156, 0.5916),
        {
            "Table 2, degraded": Printed(24.11, 0.7562),
            "Deep Prior": Printed(24.58, 0.7608),
            "RL-Restore": Printed(28.40, 0.8827),
            "NLRN": Printed(29.71, 0.8864),
            "Table 2, paper A": Printed(30.97, 0.8931),
        },
    ),
    Published(
        "1, 2", CELEBA, "gaussian_noise", "GN",
        Printed(22.32, 0.5946, 0.9402, 0.7720, 0.6923, 0.9002),
        Printed(28.37, 0.8388, 0.9664, 0.8530, 0.7505, 0.9172),
        {"Deep Prior": Printed(22.45, 0.6167), "RL-Restore": Printed(26.36, 0.8011), "NLRN": Printed(28.11, 0.8339)},
    ),
    Published(
        "1, 2", CELEBA, "jpeg", "JPEG",
        Printed(25.67, 0.7482, 0.9224, 0.7237, 0.6311, 0.8676),
        Printed(27.73, 0.8384, 0.9280, 0.7947, 0.7139, 0.8863),
        {"Deep Prior": Printed(26.11, 0.7523), "RL-Restore": Printed(27.09, 0.8115), "NLRN": Printed(27.52, 0.8295)},
    ),
    Published(
        "3", "rain-cityscapes", "rain", "rain", Printed(), Printed(32.41, 0.9579),
        {
            "DSC": Printed(16.25, 0.7746),
            "GMMLP": Printed(17.80, 0.8169),
            "JOB": Printed(15.10, 0.7592),
            "RESCAN": Printed(24.49, 0.8852),
            "DID-MDN": Printed(28.43, 0.9349),
            "SPANet": Printed(25.39, 0.8933),
            "PReNet": Printed(25.96, 0.9147),
            "DAF-Net": Printed(30.06, 0.9530),
        },
    ),
    Published(
        "4", "foggy-cityscapes", "fog", "fog", Printed(), Printed(32.64, 0.9618),
        {"DCP": Printed(23.98, 0.8349), "NLID": Printed(24.43, 0.8512), "MSCNN": Printed(29.36, 0.9317)},
    ),
    Published(
        "5", "cityscapes", "reflection", "reflection", Printed(), Printed(32.06, 0.9590),
        {
            "LB14": Printed(29.23, 0.9337),
            "CEILNet": Printed(24.51, 0.8826),
            "PLRS": Printed(28.06, 0.9182),
            "BDN": Printed(15.10, 0.7592),
            "ERRNet": Printed(30.80, 0.9369),
        },
    ),
)  # fmt: skip

BY_DEGRADATION = {row.degradation: row for row in TABLES}
