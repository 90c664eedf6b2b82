//! declared
