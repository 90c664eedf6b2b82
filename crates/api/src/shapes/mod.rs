//! Every shape that crosses the border of the API, and the schemas of those of `call`.

mod accounts;
mod call;
mod configuration;
mod delivery;
mod integration;
mod page;
mod pbx;

pub use self::{
    accounts::*, call::*, configuration::*, delivery::*, integration::*, page::*, pbx::*,
};
