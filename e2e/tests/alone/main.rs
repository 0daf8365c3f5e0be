//! What no test beside it would bear, or what bears none: the operator, the API server and definitions go
//! and come, writes and memory of the whole operator are counted, time is measured.

mod at_rest;
mod control_plane;
mod gateway_crd;
mod leader;
mod leader_lost;
mod memory;
mod monitor_crd;
mod operator_restart;
mod overload;
mod unreadable;
