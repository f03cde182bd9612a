//! The command's end of a connection to whoever has the store: a running daemon, or a thread of the command itself.

use std::{
    io::{self, BufRead as _, BufReader, Read, Write as _},
    net::Shutdown,
    os::unix::net::UnixStream,
    path::PathBuf,
    thread::{self, JoinHandle},
};

use anyhow::{Context as _, bail};
use sluice_server::{
    auth::private_files::give_to_owner,
    config::Config,
    snapshot::{SnapshotReply, SnapshotRequest, VERSION, reach_socket, serving, socket_path},
};
use sluice_store::{ObjectDigest, ObjectId, Store, StoreConfig, Tuning};

/// Longest line of a reply: that with the manifest.
const REPLY_BYTES_MAX: u64 = 256 << 20;

/// What is pinned on the other end.
pub(super) struct Pinned {
    pub(super) manifest: String,
    pub(super) sequence: u64,
    pub(super) objects: Vec<ObjectId>,
}

/// See the module.
pub(super) struct Connection {
    stream: BufReader<UnixStream>,
    /// The thread that serves in place of a daemon, and the data directory.
    served: Option<(JoinHandle<()>, PathBuf)>,
}

impl Connection {
    /// Reaches the daemon of a data directory; without one, opens the store.
    pub(super) fn open(config: &Config) -> anyhow::Result<Self> {
        let data_dir = &config.data_dir;
        let path = socket_path(data_dir);
        let (stream, served) = match reach_socket(data_dir, |path| UnixStream::connect(path)) {
            Ok(stream) => (stream, None),
            Err(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) =>
            {
                let (stream, thread) = serve_ourselves(config)?;
                (stream, Some((thread, data_dir.clone())))
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot reach the daemon by {}", path.display()));
            }
        };
        Ok(Self { stream: BufReader::new(stream), served })
    }

    /// Pins a checkpoint, for as long as the connection lives.
    pub(super) fn pin(&mut self) -> anyhow::Result<Pinned> {
        match self.ask(SnapshotRequest::Pin(VERSION))? {
            SnapshotReply::Pinned { manifest, sequence, objects } => {
                Ok(Pinned { manifest, sequence, objects })
            }
            _ => bail!("the daemon answers something else than it was asked"),
        }
    }

    /// Length and checksum of an object.
    pub(super) fn digest(&mut self, object: ObjectId) -> anyhow::Result<ObjectDigest> {
        digest_of(self.ask(SnapshotRequest::Digest(object))?)
    }

    /// The bytes of an object.
    pub(super) fn read(&mut self, object: ObjectId) -> anyhow::Result<impl Read + '_> {
        let digest = digest_of(self.ask(SnapshotRequest::Read(object))?)?;
        Ok((&mut self.stream).take(digest.bytes))
    }

    fn ask(&mut self, request: SnapshotRequest) -> anyhow::Result<SnapshotReply> {
        let gone = "the daemon has ended the connection; its log says why";
        let mut line = serde_json::to_vec(&request)?;
        line.push(b'\n');
        // Whoever refuses may have closed already; what it said is there all the same.
        let sent = self.stream.get_mut().write_all(&line);
        let mut line = String::new();
        (&mut self.stream).take(REPLY_BYTES_MAX).read_line(&mut line).context(gone)?;
        if line.is_empty() {
            sent.context(gone)?;
            bail!(gone);
        }
        match serde_json::from_str(&line)? {
            SnapshotReply::Refused(detail) => bail!("no snapshot can be taken now: {detail}"),
            reply => Ok(reply),
        }
    }
}

impl Drop for Connection {
    /// Closes the store, if it was opened here, and gives what the engine wrote to the owner of the directory.
    fn drop(&mut self) {
        let Some((thread, data_dir)) = self.served.take() else { return };
        // The other end may be gone already.
        drop(self.stream.get_ref().shutdown(Shutdown::Both));
        drop(thread.join());
        drop(give_to_owner(&data_dir));
    }
}

fn digest_of(reply: SnapshotReply) -> anyhow::Result<ObjectDigest> {
    match reply {
        SnapshotReply::Digest(digest) => Ok(digest),
        _ => bail!("the daemon answers something else than it was asked"),
    }
}

/// Opens the store and serves it on a thread, which closes it when the connection ends.
fn serve_ourselves(config: &Config) -> anyhow::Result<(UnixStream, JoinHandle<()>)> {
    let data_dir = &config.data_dir;
    if !data_dir.join("MANIFEST").exists() {
        bail!(
            "{} holds no data of a daemon; name the data directory by --data-dir or --config",
            data_dir.display()
        );
    }
    let tuning = Tuning::of(&config.memory_plan(), config.log_size_max.get());
    let store_config = StoreConfig { tuning, ..StoreConfig::at(data_dir) };
    let store = Store::open(store_config, Box::new(|_cause| {}))
        .context("no daemon answers, and the store cannot be opened")?;
    let (ours, theirs) = UnixStream::pair()?;
    let serve = move || {
        // Whoever asks sees that the connection has ended.
        drop(serving::serve(&store, &theirs, &|| true));
        store.close();
    };
    let thread = thread::Builder::new().name("snapshot".to_owned()).spawn(serve)?;
    Ok((ours, thread))
}
