//! The whole system: the real program, what it is linked to, and what it pushes to.
//!
//! One test binary, since linking the program's whole tree once is enough.

mod demo;
mod faults;
mod office;
mod pages;
mod real_asterisk;
mod support;
