//! What a host owes a filter, as tables: one module a chapter.

mod assertions;
mod bodies;
mod callouts;
mod documentation;
mod failures;
mod fixture;
mod foreign_functions;
mod header_maps;
mod hostile;
mod lifecycle;
mod local_replies;
mod properties;
mod refused_modules;
mod service_extensions;
mod state;
mod wasi;
mod workers;
