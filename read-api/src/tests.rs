//! Queries over HTTP, on a journal of a few events: what is answered to whom, and as of when.

mod audit;
mod house;
mod ledger;
mod papers;
