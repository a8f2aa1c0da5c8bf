//! The job as a process, against portals on loopback.

#![allow(clippy::unwrap_used)]

mod archives;
mod boundaries;
mod configuration;
mod publisher;
mod runs;
mod scripted;
mod shapefiles;
mod wire;
mod zips;
