//! Shared data: what the VMs with the same id keep together, with compare-and-swap.

use std::collections::HashMap;

/// The values by key, each with the number of its last change.
#[derive(Debug)]
pub(crate) struct SharedData {
    values: HashMap<Vec<u8>, (Vec<u8>, u32)>,
    next_cas: u32,
    bytes: usize,
}

impl Default for SharedData {
    fn default() -> Self {
        Self {
            values: HashMap::new(),
            next_cas: 1,
            bytes: 0,
        }
    }
}

/// The value has changed since the guest read it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CasMismatch;

impl SharedData {
    pub(crate) fn get(&self, key: &[u8]) -> Option<(&[u8], u32)> {
        self.values.get(key).map(|(value, cas)| (value.as_slice(), *cas))
    }

    /// The bytes of all keys and values.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Sets a value. `cas` 0 sets it whatever it was; a key that is not there yet takes any `cas`.
    pub(crate) fn set(&mut self, key: &[u8], value: &[u8], cas: u32) -> Result<(), CasMismatch> {
        let next = self.next_cas;
        let old = self.values.get(key).map_or(0, |(old, _)| key.len() + old.len());
        match self.values.get_mut(key) {
            Some((_, current)) if cas != 0 && cas != *current => return Err(CasMismatch),
            Some(entry) => *entry = (value.to_vec(), next),
            None => _ = self.values.insert(key.to_vec(), (value.to_vec(), next)),
        }
        // 0 would mean "whatever it was" when handed back.
        self.bytes = self.bytes - old + key.len() + value.len();
        self.next_cas = next.checked_add(1).unwrap_or(1);
        Ok(())
    }
}
