//! Resolvers: BIND, Unbound, the Recursor of `PowerDNS`, and dnsmasq.
//!
//! In: lists as zones, as files of Unbound and dnsmasq, and as hosts. Out: whether names that should be blocked are, and others are not; zones are asked for
//! names with addresses that are on the list, too. Behind each is a dnsmasq that has an address for every name.

use std::{fs, net::IpAddr, path::Path, process::Command};

use anyhow::{Context as _, Result};

use super::{
    corpus::{ADDRESSES, Reached},
    loaded::{Fetched, LoadedList, judge, names},
    probe::{DnsAnswer, free_port, resolve, version, wait_for_resolver},
};
use crate::program::RunningProgram;

/// What each name has that is not listed here otherwise.
const ANY_ADDRESS: &str = "9.9.9.9";

/// Where names are whose addresses are asked for.
const PROBES: &str = "probe.example.net";

/// What resolvers reach that have masks and exceptions.
const ALL: &[Reached] =
    &[Reached::Itself, Reached::Below, Reached::BesideAllowed, Reached::Masked, Reached::Alone];

/// A resolver, or a way to load it.
struct Resolver {
    name: &'static str,
    version: &'static [&'static str],
    list: &'static str,
    reach: &'static [Reached],
    set_up: fn(&Setting<'_>) -> Result<Command>,
}

/// Where a resolver runs.
struct Setting<'s> {
    list: &'s Path,
    dir: &'s Path,
    port: u16,
    /// The port of the one behind it.
    behind: u16,
}

const RESOLVERS: [Resolver; 6] = [
    Resolver { name: "named", version: &["-v"], list: "zone.rpz", reach: ALL, set_up: named },
    Resolver { name: "unbound", version: &["-V"], list: "zone.rpz", reach: ALL, set_up: unbound_zone },
    Resolver {
        name: "pdns_recursor",
        version: &["--version"],
        list: "zone.rpz",
        reach: ALL,
        set_up: recursor,
    },
    Resolver {
        name: "unbound",
        version: &["-V"],
        list: "names.unbound",
        reach: &[Reached::Itself, Reached::Below, Reached::BesideAllowed],
        set_up: unbound_include,
    },
    Resolver { name: "dnsmasq", version: &["--version"], list: "names.dnsmasq", reach: ALL, set_up: dnsmasq },
    Resolver {
        name: "dnsmasq",
        version: &["--version"],
        list: "names.hosts",
        reach: &[Reached::Itself, Reached::Alone],
        set_up: hosts,
    },
];

/// Loads and asks each.
pub(super) fn run(fetched: &Fetched) -> Result<Vec<(&'static str, Option<LoadedList>)>> {
    let mut trials = Vec::new();
    let dir = fetched.dir.join("behind");
    fs::create_dir(&dir)?;
    let behind = free_port()?;
    let mut answering = if version("dnsmasq", &["--version"])?.is_some() {
        let mut command = dnsmasq_at(behind);
        command.args([format!("--address=/#/{ANY_ADDRESS}"), "-C".to_owned(), "/dev/null".to_owned()]);
        for (number, (address, _)) in ADDRESSES.iter().enumerate() {
            command.arg(format!("--host-record=n{number}.{PROBES},{address}"));
        }
        Some(RunningProgram::start(&mut command, &dir)?)
    } else {
        None
    };
    for resolver in &RESOLVERS {
        let installed = version(resolver.name, resolver.version)?;
        let (Some(version), Some(answering)) = (installed, &mut answering) else {
            trials.push((resolver.name, None));
            continue;
        };
        wait_for_resolver(answering, behind)?;
        let trial = try_one(fetched, resolver, version, behind)
            .with_context(|| format!("{} with {}", resolver.name, resolver.list))?;
        trials.push((resolver.name, Some(trial)));
    }
    Ok(trials)
}

fn try_one(fetched: &Fetched, resolver: &Resolver, version: String, behind: u16) -> Result<LoadedList> {
    let dir = fetched.dir.join(format!("{}-{}", resolver.name, resolver.list));
    fs::create_dir(&dir)?;
    let list = fetched.file(resolver.list)?;
    let port = free_port()?;
    let mut command = (resolver.set_up)(&Setting { list: &list, dir: &dir, port, behind })?;
    let mut program = RunningProgram::start(&mut command, &dir)?;
    wait_for_resolver(&mut program, port)?;
    let is_hosts = resolver.list == "names.hosts";
    let is_blocked = |answer: &DnsAnswer| {
        answer.code == 3 || is_hosts && answer.addresses.iter().any(IpAddr::is_unspecified)
    };
    let questions = names(resolver.reach);
    let (mut asked, mut wrong) =
        (questions.len(), judge(&questions, |name| Ok(is_blocked(&resolve(port, name, false)?)))?);
    if is_hosts {
        // Version 6 is another question.
        wrong.extend(judge(&questions, |name| Ok(is_blocked(&resolve(port, name, true)?)))?);
        asked *= 2;
    }
    if resolver.list == "zone.rpz" {
        for (number, (address, wanted)) in ADDRESSES.iter().enumerate() {
            let name = format!("n{number}.{PROBES}");
            let answer = resolve(port, &name, address.contains(':'))?;
            asked += 1;
            if is_blocked(&answer) != *wanted {
                wrong.push(format!("a name of {address}: {answer:?}"));
            }
        }
    }
    Ok(LoadedList { program: resolver.name, version, list: resolver.list, asked, wrong })
}

fn dnsmasq_at(port: u16) -> Command {
    let mut command = Command::new("dnsmasq");
    command.args(["--keep-in-foreground", "--no-resolv", "--no-hosts", "--user=root", "--pid-file="]);
    command.args(["--listen-address=127.0.0.1", "--bind-interfaces", "--cache-size=0"]);
    command.arg(format!("--port={port}"));
    command
}

fn dnsmasq(setting: &Setting<'_>) -> Result<Command> {
    dnsmasq_with(setting, "conf-file")
}

fn hosts(setting: &Setting<'_>) -> Result<Command> {
    dnsmasq_with(setting, "addn-hosts")
}

fn dnsmasq_with(setting: &Setting<'_>, key: &str) -> Result<Command> {
    let Setting { list, dir, port, behind } = setting;
    let path = dir.join("dnsmasq.conf");
    fs::write(&path, format!("server=127.0.0.1#{behind}\n{key}={}\n", list.display()))?;
    let mut command = dnsmasq_at(*port);
    command.arg("-C").arg(path);
    Ok(command)
}

fn named(setting: &Setting<'_>) -> Result<Command> {
    let Setting { list, dir, port, behind } = setting;
    let path = dir.join("named.conf");
    let configuration = format!(
        "options {{ directory \"{}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; pid-file none;\n\
         forwarders {{ 127.0.0.1 port {behind}; }}; forward only; dnssec-validation no; recursion yes;\n\
         response-policy {{ zone \"rpz.sluice\"; }} qname-wait-recurse no; }};\ncontrols {{ }};\n\
         zone \"rpz.sluice\" {{ type primary; file \"{}\"; }};\n",
        dir.display(),
        list.display()
    );
    fs::write(&path, configuration)?;
    let mut command = Command::new("named");
    command.args(["-g", "-c"]).arg(path);
    Ok(command)
}

fn unbound_zone(setting: &Setting<'_>) -> Result<Command> {
    let zone = format!("rpz:\n  name: \"rpz.sluice.\"\n  zonefile: \"{}\"\n", setting.list.display());
    unbound(setting, "respip iterator", "", &zone)
}

fn unbound_include(setting: &Setting<'_>) -> Result<Command> {
    let include = format!("  include: \"{}\"\n", setting.list.display());
    unbound(setting, "iterator", &include, "")
}

fn unbound(setting: &Setting<'_>, modules: &str, in_server: &str, zone: &str) -> Result<Command> {
    let Setting { dir, port, behind, .. } = setting;
    let path = dir.join("unbound.conf");
    let configuration = format!(
        "server:\n  interface: 127.0.0.1\n  port: {port}\n  username: \"\"\n  chroot: \"\"\n  directory: \"{}\"\n  pidfile: \"\"\n  \
         do-not-query-localhost: no\n  use-syslog: no\n  do-daemonize: no\n  module-config: \"{modules}\"\n{in_server}\
         forward-zone:\n  name: \".\"\n  forward-addr: 127.0.0.1@{behind}\nremote-control:\n  control-enable: no\n{zone}",
        dir.display()
    );
    fs::write(&path, configuration)?;
    let mut command = Command::new("unbound");
    command.args(["-d", "-c"]).arg(path);
    Ok(command)
}

fn recursor(setting: &Setting<'_>) -> Result<Command> {
    let Setting { list, dir, port, behind } = setting;
    let lua = dir.join("policy.lua");
    fs::write(&lua, format!("rpzFile(\"{}\", {{policyName=\"sluice\"}})\n", list.display()))?;
    fs::write(dir.join("recursor.conf"), "")?;
    let mut command = Command::new("pdns_recursor");
    for key in ["config-dir", "socket-dir"] {
        command.arg(format!("--{key}={}", dir.display()));
    }
    command.arg(format!("--lua-config-file={}", lua.display()));
    command.args([format!("--local-port={port}"), format!("--forward-zones-recurse=.=127.0.0.1:{behind}")]);
    command.args(["--local-address=127.0.0.1", "--daemon=no", "--dnssec=off", "--write-pid=no", "--setuid="]);
    command.args(["--setgid=", "--disable-syslog", "--threads=1", "--security-poll-suffix="]);
    Ok(command)
}
