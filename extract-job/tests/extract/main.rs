//! Tests of the job as a process, against portals on loopback.

#![allow(clippy::unwrap_used, reason = "tests panic on errors")]

mod archives;
mod boundaries;
mod cases;
mod ckan;
mod configuration;
mod force;
mod kills;
mod large;
mod published;
mod publisher;
mod runs;
mod scripted;
mod selection;
mod shapefiles;
mod signals;
mod wards;
mod wire;
mod zips;
