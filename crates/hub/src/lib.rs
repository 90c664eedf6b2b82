//! The program `hookswitch`: wiring only. Sockets, the clock and the command line are here; what
//! they carry is decided in the crates below.

pub mod cli;
pub mod clock;
pub mod http;
pub mod integrations;
pub mod link;
pub mod links;
pub mod live;
pub mod logging;
pub mod serve;
pub mod server;
pub mod settings;
pub mod stop;
pub mod turn;
pub mod worker;
