//! Tests of what both sides share.

mod auth;
mod edge;
mod headers;
