//! Placeholder, replaced with the room's first commit.
