//! Foreign functions that a test gives its host, besides Envoy's own.

use std::fmt;
use std::sync::Arc;

use crate::abi::Status;

type Function = Arc<dyn Fn(&[u8]) -> Result<Vec<u8>, Status> + Send + Sync>;

/// Functions by name.
#[derive(Clone, Default)]
pub(crate) struct ForeignFunctions(Vec<(String, Function)>);

impl ForeignFunctions {
    pub(crate) fn set(
        &mut self,
        name: &str,
        function: impl Fn(&[u8]) -> Result<Vec<u8>, Status> + Send + Sync + 'static,
    ) {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), Arc::new(function)));
    }

    pub(crate) fn find(&self, name: &[u8]) -> Option<Function> {
        let mut functions = self.0.iter();
        let (_, function) = functions.find(|(known, _)| known.as_bytes() == name)?;
        Some(Arc::clone(function))
    }
}

impl fmt::Debug for ForeignFunctions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}
