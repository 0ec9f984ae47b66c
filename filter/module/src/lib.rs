//! The module that ships: Outgate's filter, without custom policies.

outgate_filter::module!();
