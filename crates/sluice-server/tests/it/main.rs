//! Wire tests: the daemon in this process, on a port of its own, asked over a plain socket.

#[cfg(test)]
mod auth;
#[cfg(test)]
mod daemon;
#[cfg(test)]
mod entities;
#[cfg(test)]
mod heads;
#[cfg(test)]
mod indicators;
