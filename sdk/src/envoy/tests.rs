//! The parts of a configuration that decide where requests go and who is trusted. Whether Envoy takes the whole is tested with
//! Envoy itself.
