//! How the server is reached.

use std::fmt;

use eventstore::{Client, ClientSettings};

use crate::TransportError;

/// An EventStoreDB server or cluster.
#[derive(Clone)]
pub struct EventStoreDb {
    settings: ClientSettings,
}

/// The text is no connection string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it must be a connection string: esdb://user:password@host:2113?tls=true, or esdb+discover://… for a cluster")]
pub struct BadConnectionString;

impl fmt::Debug for EventStoreDb {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = self.settings.hosts().iter();
        let hosts: Vec<String> = hosts.map(|host| format!("{}:{}", host.host, host.port)).collect();
        f.debug_struct("EventStoreDb")
            .field("hosts", &hosts)
            .finish_non_exhaustive()
    }
}

impl EventStoreDb {
    /// The server that a connection string names.
    ///
    /// # Errors
    /// The text is none. It can hold a password, so the error does not repeat it.
    pub fn new(connection_string: &str) -> Result<Self, BadConnectionString> {
        let settings = connection_string.parse().map_err(|_| BadConnectionString)?;
        Ok(Self { settings })
    }

    /// A client of its own for each session: one whose connection could not be made is of no use any more.
    pub(crate) fn connect(&self) -> Result<Client, TransportError> {
        Ok(Client::new(self.settings.clone())?)
    }
}
