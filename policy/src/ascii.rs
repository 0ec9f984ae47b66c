//! Case folding of host names.

/// Hands on a lower-case copy, without allocating for names of ordinary length.
pub(crate) fn with_lower_case<T>(text: &[u8], use_copy: impl FnOnce(&[u8]) -> T) -> T {
    let mut short = [0; 256];
    match short.get_mut(..text.len()) {
        Some(copy) => {
            copy.copy_from_slice(text);
            copy.make_ascii_lowercase();
            use_copy(copy)
        }
        None => use_copy(&text.to_ascii_lowercase()),
    }
}
