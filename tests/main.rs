//! Integration tests, in one binary so that libtorch and polars are linked once.

mod analysis;
mod bad_input;
mod configural;
mod cores;
mod end_to_end;
mod faults;
mod features;
mod golden;
mod known_answer;
mod limits;
mod observers;
mod photographs;
mod relevance;
mod sequence;
mod shards;
mod signals;
