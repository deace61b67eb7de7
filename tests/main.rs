//! Integration tests, in one binary so that libtorch and polars are linked once.

mod analysis;
mod bad_input;
mod golden;
mod known_answer;
mod limits;
mod relevance;
mod sequence;
