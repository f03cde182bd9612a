//! Programs that ask for a name or an address of who connects, or where to: nginx, `HAProxy`, Squid, and Postfix' tables.
//!
//! In: lists of names, networks and URLs. Out: whether each is blocked. Who connects is told by a header that they are made to believe.

use std::{
    fmt::Write as _,
    fs,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use super::{
    corpus::{ADDRESSES, NAMES, Reached},
    loaded::{Fetched, LoadedList, judge, names},
    probe::{free_port, get, version, wait_for_server},
};
use crate::program::RunningProgram;

/// What nginx reaches.
const ALL: &[Reached] =
    &[Reached::Itself, Reached::Below, Reached::BesideAllowed, Reached::Masked, Reached::Alone];
/// What programs reach that compare names as they are.
const EXACT: &[Reached] = &[Reached::Itself, Reached::Alone];
/// What Squid reaches: it has neither masks nor exceptions.
const SQUID: &[Reached] = &[Reached::Itself, Reached::Below, Reached::Alone];
/// What tables of Postfix reach.
const POSTFIX: &[Reached] = &[Reached::Itself, Reached::Below, Reached::BesideAllowed];

/// URLs that are asked for through Squid, and whether they are blocked.
const URLS: &[(&str, bool)] = &[
    ("http://u.example.com/Path/X?q=1", true),
    ("http://u.example.com/path/x?q=2", false),
    ("http://www.u.example.com/path/x?q=1", true),
    ("http://u.example.com/(re).*", true),
    ("http://u.example.com/(re)xx", false),
    ("http://u.example.com/re", false),
    ("http://u.example.com/$var;x", true),
    ("http://u.example.com/a,b?query", true),
    ("http://u.example.com:8080/p", true),
    ("http://u.example.com/pp", false),
    ("http://notu.example.com/p", false),
    ("http://u.example.com/dir", false),
];

type LoadedLists = Vec<(&'static str, Option<LoadedList>)>;

/// Loads and asks each.
pub(super) fn run(fetched: &Fetched) -> Result<LoadedLists> {
    let mut trials = Vec::new();
    for (program, flag, tries) in [
        ("nginx", "-v", nginx as fn(&Fetched, &Path) -> Result<Vec<LoadedList>>),
        ("haproxy", "-v", haproxy),
        ("squid", "-v", squid),
        ("postmap", "", postfix),
    ] {
        // Postfix tells its version by another program.
        let told = match program {
            "postmap" => version("postconf", &["mail_version"])?,
            _ => version(program, &[flag])?,
        };
        let Some(version) = told else {
            trials.push((program, None));
            continue;
        };
        let dir = fetched.dir.join(program);
        fs::create_dir(&dir)?;
        // Squid gives up the rights of root.
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o777))?;
        for trial in tries(fetched, &dir).with_context(|| program)? {
            trials.push((program, Some(LoadedList { version: version.clone(), ..trial })));
        }
    }
    Ok(trials)
}

fn trial(program: &'static str, list: &'static str, asked: usize, wrong: Vec<String>) -> LoadedList {
    LoadedList { program, version: String::new(), list, asked, wrong }
}

fn at(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Asks a server who says what it blocks: a digit for the address, and one for the name.
fn says(port: u16, path: &str, address: &str, name: &str) -> Result<(bool, bool)> {
    let answer = get(at(port), path, &format!("Host: {name}\r\nX-Real-IP: {address}\r\n"))?;
    ensure!(answer.status == 200, "{} {}", answer.status, answer.body);
    let (of_address, of_name) = answer.body.trim().split_once(' ').context("no two digits")?;
    Ok((of_address == "1", of_name == "1"))
}

/// Asks for all addresses and all names.
fn ask_both(
    port: u16,
    path: &str,
    program: &'static str,
    (nets, list): (&'static str, &'static str),
    reach: &[Reached],
) -> Result<Vec<LoadedList>> {
    let questions = names(reach);
    let of_nets = judge(ADDRESSES, |address| Ok(says(port, path, address, "ok.example.com")?.0))?;
    let of_names = judge(&questions, |name| Ok(says(port, path, "9.9.9.9", name)?.1))?;
    Ok(vec![trial(program, nets, ADDRESSES.len(), of_nets), trial(program, list, questions.len(), of_names)])
}

fn nginx_configuration(dir: &Path, port: u16, maps: &str, answer: &str) -> String {
    let dir = dir.display();
    let temporary = "client_body_temp_path D; proxy_temp_path D; fastcgi_temp_path D; uwsgi_temp_path D; scgi_temp_path D;"
        .replace('D', &dir.to_string());
    format!(
        "daemon off; pid {dir}/pid; error_log {dir}/errors; user root;\nevents {{}}\nhttp {{ access_log off; {temporary}\n\
         map_hash_bucket_size 512; map_hash_max_size 262144;\n{maps}\nset_real_ip_from 127.0.0.1; real_ip_header X-Real-IP;\n\
         server {{ listen 127.0.0.1:{port}; location / {{ return 200 \"{answer}\"; }} }} }}\n"
    )
}

fn start_nginx(dir: &Path, maps: &str, answer: &str) -> Result<(RunningProgram, u16)> {
    let (port, path) = (free_port()?, dir.join("nginx.conf"));
    fs::write(&path, nginx_configuration(dir, port, maps, answer))?;
    let mut command = Command::new("nginx");
    command.args(["-g", "master_process off;", "-e"]).arg(dir.join("errors")).arg("-c").arg(path);
    let mut program = RunningProgram::start(&mut command, dir)?;
    wait_for_server(&mut program, at(port))?;
    Ok((program, port))
}

fn nginx(fetched: &Fetched, dir: &Path) -> Result<Vec<LoadedList>> {
    let lists = ("nets.nginx.geo", "names.nginx.map");
    let maps = format!(
        "geo $bad_address {{ default 0; include {}; }} map $host $bad_name {{ hostnames; default 0; include {}; }}",
        fetched.file(lists.0)?.display(),
        fetched.file(lists.1)?.display()
    );
    let (_running, port) = start_nginx(dir, &maps, "$bad_address $bad_name")?;
    ask_both(port, "/", "nginx", lists, ALL)
}

fn haproxy(fetched: &Fetched, dir: &Path) -> Result<Vec<LoadedList>> {
    let (port, path) = (free_port()?, dir.join("haproxy.cfg"));
    let (acl, map) = (("nets.haproxy.acl", "names.haproxy.acl"), ("nets.haproxy.map", "names.haproxy.map"));
    let name = "req.hdr(host),field(1,:),lower";
    let mut configuration = format!(
        "defaults\n  mode http\n  timeout client 20s\n  timeout server 20s\n  timeout connect 20s\nfrontend all\n  bind 127.0.0.1:{port}\n  \
         http-request set-src req.hdr(x-real-ip)\n  acl bad_address src -f {}\n  acl bad_name {name} -m str -f {}\n  \
         http-request return status 200 content-type text/plain lf-string \"%[src,map_ip({},0)] %[{name},map_str({},0)]\" if {{ path /map }}\n",
        fetched.file(acl.0)?.display(),
        fetched.file(acl.1)?.display(),
        fetched.file(map.0)?.display(),
        fetched.file(map.1)?.display(),
    );
    for (digits, condition) in [
        ("1 1", " if bad_address bad_name"),
        ("1 0", " if bad_address"),
        ("0 1", " if bad_name"),
        ("0 0", ""),
    ] {
        writeln!(
            configuration,
            "  http-request return status 200 content-type text/plain string \"{digits}\"{condition}"
        )?;
    }
    fs::write(&path, configuration)?;
    let mut program = RunningProgram::start(Command::new("haproxy").args(["-db", "-f"]).arg(path), dir)?;
    wait_for_server(&mut program, at(port))?;
    let mut trials = ask_both(port, "/", "haproxy", acl, EXACT)?;
    trials.extend(ask_both(port, "/map", "haproxy", map, EXACT)?);
    Ok(trials)
}

fn squid(fetched: &Fetched, dir: &Path) -> Result<Vec<LoadedList>> {
    // Whatever it lets through is answered by an nginx behind it.
    let behind = dir.join("behind");
    fs::create_dir(&behind)?;
    let (_behind, behind_port) = start_nginx(&behind, "", "0")?;
    let mut trials = Vec::new();
    for (list, acl) in
        [("names.squid.domains", "dstdomain"), ("nets.squid.ips", "dst"), ("urls.squid.urls", "url_regex -i")]
    {
        let (port, path) = (free_port()?, dir.join(format!("{list}.conf")));
        let configuration = format!(
            "http_port 127.0.0.1:{port}\npid_filename none\ncache_log {dir}/{list}.log\naccess_log none\ncache deny all\nmemory_cache_shared off\n\
             coredump_dir {dir}\nshutdown_lifetime 0 seconds\ncache_effective_user proxy\ncache_peer 127.0.0.1 parent {behind_port} 0 no-query\n\
             never_direct allow all\nacl bad {acl} \"{file}\"\nhttp_access deny bad\nhttp_access allow all\n",
            dir = dir.display(),
            file = fetched.file(list)?.display()
        );
        fs::write(&path, configuration)?;
        let run_dir = dir.join(list);
        fs::create_dir(&run_dir)?;
        let service = format!("sluice{port}");
        let mut command = Command::new("squid");
        command.args(["-N", "-n", &service, "-f"]).arg(&path);
        let mut program = RunningProgram::start(&mut command, &run_dir)?;
        wait_for_server(&mut program, at(port))?;
        let mut targets = Vec::new();
        match list {
            "nets.squid.ips" => {
                for (address, wanted) in ADDRESSES {
                    let host =
                        if address.contains(':') { format!("[{address}]") } else { (*address).to_owned() };
                    targets.push((format!("http://{host}/"), *wanted));
                }
            }
            "urls.squid.urls" => {
                targets.extend(URLS.iter().map(|(url, wanted)| ((*url).to_owned(), *wanted)));
            }
            _ => {
                for (name, reached) in NAMES {
                    targets.push((format!("http://{name}/"), SQUID.contains(reached)));
                }
            }
        }
        let mut wrong = Vec::new();
        for (target, wanted) in &targets {
            let host = target.trim_start_matches("http://").split('/').next().unwrap_or("");
            let answer = get(at(port), target, &format!("Host: {host}\r\n"))?;
            if (answer.status == 403) != *wanted {
                wrong.push(format!("{target}: {}", answer.status));
            }
        }
        let log = fs::read_to_string(dir.join(format!("{list}.log")))?;
        for line in log.lines().filter(|line| line.contains("WARNING: You should") || line.contains("ERROR"))
        {
            wrong.push(line.to_owned());
        }
        trials.push(trial("squid", list, targets.len(), wrong));
    }
    Ok(trials)
}

fn postfix(fetched: &Fetched, dir: &Path) -> Result<Vec<LoadedList>> {
    fs::write(dir.join("main.cf"), "compatibility_level = 3.6\n")?;
    let ask = |key: &str, table: &str| -> Result<Option<String>> {
        let output = Command::new("postmap").arg("-c").arg(dir).args(["-q", key, table]).output()?;
        ensure!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        let printed = String::from_utf8(output.stdout)?;
        Ok(if output.status.success() { Some(printed.trim().to_owned()) } else { None })
    };
    let cidr = format!("cidr:{}", fetched.file("nets.postfix.cidr")?.display());
    let of_nets = judge(ADDRESSES, |address| Ok(ask(address, &cidr)?.as_deref() == Some("REJECT")))?;
    let access = dir.join("access");
    fs::copy(fetched.file("names.postfix.access")?, &access)?;
    let table = format!("hash:{}", access.display());
    let output = Command::new("postmap").arg("-c").arg(dir).arg(&table).output()?;
    ensure!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let questions = names(POSTFIX);
    let of_names = judge(&questions, |name| {
        // As the mail server does: the name, then those above it.
        let mut rest = Some(name);
        while let Some(key) = rest {
            if let Some(action) = ask(key, &table)? {
                return Ok(action == "REJECT");
            }
            rest = key.split_once('.').map(|(_, above)| above);
        }
        Ok(false)
    })?;
    Ok(vec![
        trial("postmap", "nets.postfix.cidr", ADDRESSES.len(), of_nets),
        trial("postmap", "names.postfix.access", questions.len(), of_names),
    ])
}
