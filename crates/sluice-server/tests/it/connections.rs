//! The real daemon under a limit of open files: connections wait for one, the store never does.

use std::{fs, io::Write as _, net::TcpStream};

use crate::{
    daemon::request,
    process::{Process, as_administrator},
};

fn open_files(process: &Process) -> usize {
    fs::read_dir(format!("/proc/{}/fd", process.id())).unwrap().count()
}

#[test]
fn idle_connections_leave_the_store_its_files() {
    let mut process = Process::after("ulimit -n 320\nexport SLUICE_HTTP__WORKERS=2");
    let before = open_files(&process);
    let mut first = process.connect();
    let get = request("GET", "/healthz", "", b"");
    assert!(first.send(&get));
    assert_eq!(first.answer().status, 200);
    // More than the limit; those that are not taken wait in the backlog.
    let idle = (0..330).map(|_| {
        let mut stream = TcpStream::connect(process.address()).unwrap();
        stream.write_all(&get).unwrap();
        stream
    });
    let idle: Vec<_> = idle.collect();
    let put = |host: &str| {
        let body = format!(r#"[{{"indicator":"{host}.example.com"}}]"#);
        let path = "/api/1.0/suppliers/InternalTI/indicators";
        request("PUT", path, &as_administrator(), body.as_bytes())
    };
    for host in ["a", "b", "c"] {
        assert!(first.send(&put(host)));
        assert_eq!(first.answer().status, 201);
    }
    // 64 connections, and what is opened on demand.
    let opened = open_files(&process);
    assert!(opened < before + 64 + 16, "{before} files before, {opened} now");
    // Those that have gone leave room for the ones that wait.
    drop(idle);
    let mut last = process.connect();
    assert!(last.send(&put("d")));
    assert_eq!(last.answer().status, 201);
    process.terminate();
    assert!(process.wait().success(), "{}", process.said());
}

#[test]
fn the_soft_limit_of_open_files_is_raised_to_the_hard_one() {
    let process = Process::after("ulimit -S -n 300\nulimit -H -n 900");
    let limits = process.about("limits");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let numbers: Vec<_> = line.split_whitespace().filter(|word| word.parse::<u32>().is_ok()).collect();
    assert_eq!(numbers, ["900", "900"]);
}
