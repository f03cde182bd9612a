//! Wire tests: the daemon in this process, on a port of its own, asked over a plain socket.
//!
//! A module for each resource and for each promise. Most share one daemon and name their suppliers and tags after
//! the test; those that list everything, fail logins or need a setting of their own start another.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod activation;
#[cfg(test)]
mod adding;
#[cfg(test)]
mod allowing;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod backup_faults;
#[cfg(test)]
mod batches;
#[cfg(test)]
mod bodies;
#[cfg(test)]
mod busy;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod check_config;
#[cfg(test)]
mod client;
#[cfg(test)]
mod client_certificates;
#[cfg(test)]
mod closing;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod cursors;
#[cfg(test)]
mod daemon;
#[cfg(test)]
mod deleting;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod elasticsearch;
mod elasticsearch_limits;
#[cfg(test)]
mod encodings;
#[cfg(test)]
mod endings;
#[cfg(test)]
mod explaining;
#[cfg(test)]
mod exporting;
#[cfg(test)]
mod fail2ban;
#[cfg(test)]
mod heads;
#[cfg(test)]
mod health;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod importing;
mod importing_documents;
#[cfg(test)]
mod json;
#[cfg(test)]
mod life;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod lists_agreement;
#[cfg(test)]
mod lists_filtered;
#[cfg(test)]
mod lists_kept;
#[cfg(test)]
mod log_lines;
#[cfg(test)]
mod logins;
#[cfg(test)]
mod lookup;
#[cfg(test)]
mod manual;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod missing_tags;
#[cfg(test)]
mod mixes;
#[cfg(test)]
mod networks;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod passwords;
#[cfg(test)]
mod paths;
#[cfg(test)]
mod process;
#[cfg(test)]
mod progress;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod replacing;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod secure;
#[cfg(test)]
mod slow_heads;
#[cfg(test)]
mod stopping;
#[cfg(test)]
mod streaming;
#[cfg(test)]
mod supplier_rules;
#[cfg(test)]
mod suppliers;
#[cfg(test)]
mod tags;
#[cfg(test)]
mod tenants;
#[cfg(test)]
mod terminal;
#[cfg(test)]
mod versions;
