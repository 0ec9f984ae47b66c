//! The error numbers of WASI preview1.

use std::fmt;

use crate::abi::Status;

/// An error that a call of WASI answers. Its numbers are the same in both versions of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Errno {
    Badf = 8,
    Exist = 20,
    Fault = 21,
    Inval = 28,
    Noent = 44,
    Nosys = 52,
    Notsup = 58,
}

impl Errno {
    pub(crate) fn nearest_status(self) -> Status {
        match self {
            Self::Badf | Self::Exist | Self::Inval => Status::BadArgument,
            Self::Fault => Status::InvalidMemoryAccess,
            Self::Noent => Status::NotFound,
            Self::Nosys | Self::Notsup => Status::Unimplemented,
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Badf => "EBADF",
            Self::Exist => "EEXIST",
            Self::Fault => "EFAULT",
            Self::Inval => "EINVAL",
            Self::Noent => "ENOENT",
            Self::Nosys => "ENOSYS",
            Self::Notsup => "ENOTSUP",
        })
    }
}
