//! Classification of readings made up for the test.
