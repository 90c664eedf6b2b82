//! Stories of the store as a whole: opening, crashes, backups, retention.

mod crash;
mod life;
