//! The proxies of a mesh as Envoys on this machine.
//!
//! ```text
//! Manifests ──plan──▶ proxies, policies, secrets ──mesh──▶ files, Envoys ──▶ events
//! ```
//!
//! | module | holds |
//! | --- | --- |
//! | [`plan`] | which proxies there are, and what each of them is to do |
//! | [`ports`] | which port of this machine stands for which port of a pod |
//! | [`secrets`] | the certificates of a run |
//! | [`binary`] | finding Envoy |
//! | [`process`] | one running Envoy |
//! | [`admin`] | what an Envoy says about itself |
//! | [`access`] | the line that every Envoy writes about a request, whatever the manifests want logged |
//! | [`mesh`] | all of them together: started, changed, stopped |
//! | [`http`] | requests to them |

pub(crate) mod access;
pub(crate) mod admin;
pub(crate) mod binary;
pub(crate) mod http;
pub(crate) mod mesh;
pub(crate) mod plan;
pub(crate) mod ports;
pub(crate) mod process;
pub(crate) mod secrets;
