//! Polygons: the City's wards, and Statistics Canada's forward sortation areas.

pub(crate) mod city_wards;
pub(crate) mod forward_sortation_areas;
mod lambert;
mod position;
mod rings;

pub(crate) use position::Position;
