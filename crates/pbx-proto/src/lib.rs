//! pbx-proto
