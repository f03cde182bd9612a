//! What the first start prints, for a first try by hand: once, when the daemon is ready, with paths that hold from anywhere.
//!
//! In: the configuration, the addresses, and the password of the first administrator, if it was made up. Out: lines for
//! standard output. The password goes to a terminal only: service managers and containers keep what is printed.

use std::{
    io::{self, IsTerminal as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
};

use sluice_server::{auth::first_admin, config::Config, life::tls::self_signed_paths};

/// Where the daemon is to be found.
pub(crate) fn urls(config: &Config, addresses: &[SocketAddr]) -> String {
    let scheme = if config.tls.is_off() { "http" } else { "https" };
    let urls: Vec<String> = addresses.iter().map(|address| format!("{scheme}://{address}")).collect();
    urls.join(" and ")
}

/// Who is the administrator, and commands to paste.
pub(crate) fn first_steps(config: &Config, addresses: &[SocketAddr], made_up: Option<&str>) -> String {
    let password_file = absolute(&first_admin::password_file(config));
    let path = password_file.display();
    let announcement = match made_up {
        Some(password) if io::stdout().is_terminal() => {
            format!("The administrator admin has the password {password}\nIt is kept in {path}")
        }
        _ => format!("The password of the administrator admin is in {path}"),
    };
    let (certificate, _key) = self_signed_paths(&config.data_dir);
    let trust = if config.tls.self_signed {
        format!(" --cacert {}", absolute(&certificate).display())
    } else {
        String::new()
    };
    let own = from_here(addresses.first().copied().unwrap_or(config.listen));
    let url = format!("{}/api/1.3", urls(config, &[own]));
    let curl = format!("curl{trust} -s -H Content-Type:application/json -u \"admin:$(cat {path})\"");
    format!(
        "{announcement}\n\nTo try it:\n\n\
         {curl} -X POST {url}/tags -d '[{{\"name\":\"TRIAL\",\"weight\":3}}]'\n\
         {curl} -X POST {url}/suppliers -d '[{{\"name\":\"Trial\",\"confidence\":80,\"retention\":10080}}]'\n\
         {curl} -X PUT {url}/suppliers/Trial/indicators -d \
         '[{{\"indicator\":\"bad.example.com\",\"tags\":[\"TRIAL\"]}}]'\n\
         {curl} -X POST {url}/lookup -d '[{{\"object\":\"https://www.bad.example.com:8443/\"}}]'\n"
    )
}

/// The address to which this machine connects, for one that is listened on: "any" means loopback.
pub(crate) fn from_here(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(any) if any.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(any) if any.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// A path that holds from anywhere. Where there is no working directory, it stays as it is.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_nowhere| path.to_owned())
}
