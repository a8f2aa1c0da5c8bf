//! The process of a job: how it ends, and what must end or be removed with it.

pub mod children;
pub(crate) mod ending;
pub mod proxies;
pub mod scratch;
