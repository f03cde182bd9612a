//! Why the daemon did not start, for its last line on standard error; or did not take a new configuration, for the log.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use sluice_model::TenantName;
use sluice_store::{ChangeError, OpenError};

use crate::auth::error::AuthError;

/// Why the daemon did not start, or did not take a new configuration.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The data directory cannot be had: another process works on it, or the file system refuses.
    #[error(transparent)]
    DataDir(OpenError),
    /// The definitions of lists cannot be read.
    #[error("the definitions of lists cannot be read")]
    Lists(#[source] io::Error),
    /// Credentials cannot be checked.
    #[error("credentials cannot be checked")]
    Auth(#[source] AuthError),
    /// A file of the certificate or its key cannot be read or written.
    #[error("TLS cannot use {}", path.display())]
    TlsFile {
        /// Which file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file holds no certificate or key.
    #[error("{} is not a PEM file of the kind it should be", path.display())]
    Pem {
        /// Which file.
        path: PathBuf,
    },
    /// Certificate and key do not go together, or rustls refuses them.
    #[error("the certificate and key cannot be used")]
    Certificate(#[source] rustls::Error),
    /// What is to vouch for clients cannot.
    #[error("{} holds no certificate of an authority that can be used", path.display())]
    Authority {
        /// Which file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: rustls::Error,
    },
    /// No self-signed certificate could be made.
    #[error("no certificate could be made")]
    Generate(#[source] rcgen::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A socket that the service manager passed cannot be used.
    #[error("a socket that the service manager passed cannot be listened on")]
    Inherited(#[source] io::Error),
    /// Other machines would be served without TLS.
    #[error(
        "the socket {address} that the service manager passed is not of loopback: it needs TLS, or allow_plain_http = true"
    )]
    PlainHttp {
        /// Which address.
        address: SocketAddr,
    },
    /// A tenant that is configured is not there and cannot be created.
    #[error("the tenant {} cannot be created", name.as_str())]
    Tenant {
        /// Which.
        name: TenantName,
        /// The cause.
        #[source]
        source: ChangeError,
    },
    /// The store is not open yet.
    #[error("the store is still being opened")]
    Opening,
    /// The operating system refuses a thread.
    #[error("a thread could not be started")]
    Thread(#[source] io::Error),
}

impl ServeError {
    /// Returns true for what only a person can mend: a configuration that names what is not there, or cannot be used. A
    /// certificate, for example, or accounts; but not an address, which may be free later.
    pub fn is_misconfigured(&self) -> bool {
        match self {
            Self::TlsFile { source, .. } => is_lasting(source),
            Self::DataDir(OpenError::Io { source, .. }) | Self::Auth(AuthError::Io { source, .. }) => {
                is_lasting(source)
            }
            Self::Listen { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
            Self::Inherited(_)
            | Self::PlainHttp { .. }
            | Self::Pem { .. }
            | Self::Certificate(_)
            | Self::Authority { .. }
            | Self::Auth(
                AuthError::BadPassword { .. } | AuthError::Malformed { .. } | AuthError::TooLong { .. },
            ) => true,
            _ => false,
        }
    }

    /// What the file system says of a file for TLS, to stand in `map_err`.
    pub(super) fn tls_file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::TlsFile { path: path.to_owned(), source }
    }
}

/// Returns true if it is no use to try again: what is named is not there, not for this user, or not what it should be, such
/// as a file in place of a directory.
fn is_lasting(error: &io::Error) -> bool {
    use io::ErrorKind::{
        AlreadyExists, IsADirectory, NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem,
    };
    matches!(
        error.kind(),
        NotFound | PermissionDenied | NotADirectory | IsADirectory | AlreadyExists | ReadOnlyFilesystem
    )
}

#[cfg(test)]
mod tests;
