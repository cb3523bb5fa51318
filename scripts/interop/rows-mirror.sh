# shellcheck shell=bash
# Rows about mirrors: ours fed by others, others fed by our log.

row_tessera_feeds() { needs tessera-posix-main; feature ishibumi-witness mirror "a mirror"; skip "not written yet"; }
row_fsck_mirror() { feature ishibumi-witness mirror "a mirror"; skip "not written yet"; }
row_feeds_tessera() { needs tessera-mirror; skip "not written yet"; }
row_feeds_sunlight() { needs sunlight-main; skip "not written yet"; }
