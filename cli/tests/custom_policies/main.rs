//! Custom policies as their users have them: the examples in a real Envoy and in `outgate test`, and a crate that `outgate new` has
//! made.

#[path = "../envoy/mod.rs"]
mod envoy;

mod budget;
mod change_window;
mod commands;
mod first_contact;
#[path = "../command/in_directory.rs"]
mod in_directory;
mod module;
#[path = "../pages/page.rs"]
mod page;
#[path = "../command/run.rs"]
mod run;
mod scaffold;
mod tutorial;
