//! `sluice` against the real daemon, and against made-up ones where the real one would have to be in distress.

#[cfg(test)]
mod asking;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod export;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod lookup;
#[cfg(test)]
mod manage;
#[cfg(test)]
mod manual;
#[cfg(test)]
mod push;
#[cfg(test)]
mod rejects;
#[cfg(test)]
mod resume;
#[cfg(test)]
mod retry;
#[cfg(test)]
mod setup;
#[cfg(test)]
mod telling;
