"""Paper A's printed figures, read from its tables as they stand on the page."""

import pytest

from training.reproduce.paper_a.published import CLEAN, TABLES, Printed

MASKS_AND_IMAGES = """
CA 0.9361 0.7332 0.6453 0.8893 23.05 0.7407
CA Re 0.9569 0.8531 0.7150 0.9274 32.03 0.9271
GB 0.4023 0.2289 0.1524 0.2265 23.93 0.6960
GB Re 0.5808 0.4554 0.4156 0.5916 30.97 0.9331
GN 0.9402 0.7720 0.6923 0.9002 22.32 0.5946
GN Re 0.9664 0.8530 0.7505 0.9172 28.37 0.8388
JPEG 0.9224 0.7237 0.6311 0.8676 25.67 0.7482
JPEG Re 0.9280 0.7947 0.7139 0.8863 27.73 0.8384
"""
"""Table 1: PA, mPA, mIoU, FWIoU, PSNR, SSIM. GN Re's PA is printed 09664."""

RIVALS = """
CA 23.05 0.7407 23.25 0.7539 31.17 0.9025 31.83 0.9214 32.03 0.9271
GB 24.11 0.7562 24.58 0.7608 28.40 0.8827 29.71 0.8864 30.97 0.8931
GN 22.32 0.5946 22.45 0.6167 26.36 0.8011 28.11 0.8339 28.37 0.8388
JPEG 25.67 0.7482 26.11 0.7523 27.09 0.8115 27.52 0.8295 27.73 0.8384
"""
"""Table 2: PSNR and SSIM of the degraded images, Deep Prior, RL-Restore, NLRN and paper A."""

METHODS = {
    "rain": """
DSC 16.25 0.7746
GMMLP 17.80 0.8169
JOB 15.10 0.7592
RESCAN 24.49 0.8852
DID-MDN 28.43 0.9349
SPANet 25.39 0.8933
PReNet 25.96 0.9147
DAF-Net 30.06 0.9530
Ours 32.41 0.9579
""",
    "fog": """
DCP 23.98 0.8349
NLID 24.43 0.8512
MSCNN 29.36 0.9317
Ours 32.64 0.9618
""",
    "reflection": """
LB14 29.23 0.9337
CEILNet 24.51 0.8826
PLRS 28.06 0.9182
BDN 15.10 0.7592
ERRNet 30.80 0.9369
Ours 32.06 0.9590
""",
}
"""Tables 3, 4 and 5: PSNR and SSIM."""


def lines(table: str) -> list[list[str]]:
    return [line.rsplit(" ", 6) for line in table.strip().splitlines()]


def test_table_1() -> None:
    rows = {row.label: row for row in TABLES}
    for name, *figures in lines(MASKS_AND_IMAGES):
        pa, mpa, miou, fwiou, psnr, ssim = map(float, figures)
        row = rows[name.removesuffix(" Re")]
        found = row.refined if name.endswith(" Re") else row.degraded
        assert found == Printed(psnr, ssim, pa, mpa, miou, fwiou), name
    assert Printed(None, None, 0.9598, 0.8725, 0.8049, 0.9268) == CLEAN


def test_table_2_which_disagrees_with_table_1_on_blur() -> None:
    rows = {row.label: row for row in TABLES}
    for line in RIVALS.strip().splitlines():
        name, *figures = line.split()
        pairs = [Printed(float(a), float(b)) for a, b in zip(figures[::2], figures[1::2], strict=True)]
        row = rows[name]
        rivals = [row.rivals[method] for method in ("Deep Prior", "RL-Restore", "NLRN")]
        degraded = row.rivals.get("Table 2, degraded", Printed(row.degraded.psnr, row.degraded.ssim))
        ours = row.rivals.get("Table 2, paper A", Printed(row.refined.psnr, row.refined.ssim))
        assert [degraded, *rivals, ours] == pairs, name


@pytest.mark.parametrize("degradation", METHODS)
def test_tables_3_to_5(degradation: str) -> None:
    (row,) = (row for row in TABLES if row.degradation == degradation)
    printed = {}
    for line in METHODS[degradation].strip().splitlines():
        name, psnr, ssim = line.split()
        printed[name] = Printed(float(psnr), float(ssim))
    assert row.rivals | {"Ours": row.refined} == printed and row.degraded == Printed()
