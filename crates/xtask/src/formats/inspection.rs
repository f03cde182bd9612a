//! Suricata, which reads packets from a file.
//!
//! In: a reputation list. Out: of which sources it raises an alert. (Sets in lines of JSON are for its version 8, which Debian does not have yet.)

use std::{fs, net::IpAddr, path::Path, process::Command};

use anyhow::{Context as _, Result};

use super::{
    corpus::ADDRESSES,
    loaded::{Fetched, LoadedList, judge},
    probe::version,
};
use crate::program::RunningProgram;

/// What a file of packets begins with: version 2.4, packets of up to 64 KiB, which are of IP itself.
const CAPTURE_HEAD: [u32; 6] = [0xa1b2_c3d4, 0x0002_0004, 0, 0, 65_535, 101];

/// Bytes of a datagram without content.
const DATAGRAM: [u8; 8] = [0x30, 0x39, 0x30, 0x39, 0, 8, 0, 0];

/// Loads the list, and shows it a packet of each address.
pub(super) fn run(fetched: &Fetched) -> Result<Vec<(&'static str, Option<LoadedList>)>> {
    let (program, list) = ("suricata", "nets.suricata.iprep");
    let Some(version) = version(program, &["-V"])? else { return Ok(vec![(program, None)]) };
    let dir = fetched.dir.join(program);
    fs::create_dir(&dir)?;
    fs::copy(fetched.file(list)?, dir.join("bad.list"))?;
    fs::write(dir.join("categories.txt"), "1,Bad,what a feed holds\n")?;
    fs::write(
        dir.join("bad.rules"),
        "alert ip any any -> any any (msg:\"bad source\"; iprep:src,Bad,>,50; sid:1;)\n",
    )?;
    fs::write(dir.join("packets.pcap"), packets()?)?;
    fs::write(dir.join("suricata.yaml"), configuration(&dir))?;
    let mut command = Command::new(program);
    command.arg("-c").arg(dir.join("suricata.yaml")).arg("-S").arg(dir.join("bad.rules"));
    command.arg("-r").arg(dir.join("packets.pcap")).arg("-l").arg(&dir).args(["-k", "none"]);
    RunningProgram::run(&mut command, &dir).with_context(|| format!("{program} with {list}"))?;
    let mut sources = Vec::new();
    for line in fs::read_to_string(dir.join("alerts.json"))?.lines() {
        let event: serde_json::Value = serde_json::from_str(line)?;
        let source = event.get("src_ip").and_then(serde_json::Value::as_str).context("no source")?;
        sources.push(source.parse::<IpAddr>()?);
    }
    let wrong = judge(ADDRESSES, |address| Ok(sources.contains(&address.parse()?)))?;
    Ok(vec![(program, Some(LoadedList { program, version, list, asked: ADDRESSES.len(), wrong }))])
}

fn configuration(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        "%YAML 1.1\n---\ndefault-log-dir: {dir}\nreputation-categories-file: {dir}/categories.txt\ndefault-reputation-path: {dir}\n\
         reputation-files:\n  - bad.list\noutputs:\n  - eve-log:\n      enabled: yes\n      filetype: regular\n      filename: alerts.json\n      \
         types:\n        - alert\n"
    )
}

/// A file with a datagram of each address.
fn packets() -> Result<Vec<u8>> {
    let mut file: Vec<u8> = CAPTURE_HEAD.iter().flat_map(|word| word.to_be_bytes()).collect();
    for (second, (address, _)) in (1_u32..).zip(ADDRESSES) {
        let mut packet = Vec::new();
        match address.parse::<IpAddr>()? {
            IpAddr::V4(source) => {
                packet.extend_from_slice(&[0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0]);
                packet.extend_from_slice(&source.octets());
                packet.extend_from_slice(&[10, 9, 9, 9]);
            }
            IpAddr::V6(source) => {
                packet.extend_from_slice(&[0x60, 0, 0, 0, 0, 8, 17, 64]);
                packet.extend_from_slice(&source.octets());
                packet.extend_from_slice(&[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
            }
        }
        packet.extend_from_slice(&DATAGRAM);
        let length = u32::try_from(packet.len())?;
        for word in [second, 0, length, length] {
            file.extend_from_slice(&word.to_be_bytes());
        }
        file.extend_from_slice(&packet);
    }
    Ok(file)
}
