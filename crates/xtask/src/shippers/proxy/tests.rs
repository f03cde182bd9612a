//! Which requests fail, and how.

use std::{
    io::{BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread::Builder,
};

use super::{Message, Proxy, ProxyFault, is_hit};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

/// Asks for so many bulk requests, each on a connection of its own, and gives what came back, and how many bytes of
/// requests came through.
fn through(fault: ProxyFault, count: u32) -> (Vec<String>, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let daemon = listener.local_addr().unwrap();
    let (ended, ends) = std::sync::mpsc::channel();
    let serve = move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let ended = ended.clone();
            let answer = move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut came = 0;
                while let Ok(Some(mut request)) = Message::read_head(&mut reader) {
                    came += request.head.len();
                    let is_whole = request.read_body(&mut reader).is_ok();
                    came += request.body.len();
                    if !is_whole || stream.write_all(ANSWER).is_err() {
                        break;
                    }
                }
                ended.send(came).unwrap();
            };
            Builder::new().spawn(answer).unwrap();
        }
    };
    Builder::new().spawn(serve).unwrap();
    let proxy = Proxy::start(daemon, fault).unwrap();
    let asked = (0..count).map(|_| {
        let mut stream = TcpStream::connect(proxy.address).unwrap();
        let request = "POST /es/_bulk HTTP/1.1\r\nContent-Length: 10\r\n\r\n0123456789";
        stream.write_all(request.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap_or_default();
        answer
    });
    let answers = asked.collect();
    assert_eq!(proxy.counts().0, count);
    (answers, ends.iter().take(usize::try_from(count).unwrap()).sum())
}

#[test]
fn some_fail_and_always_the_same() {
    let hit: Vec<u32> = (0..16).filter(|nth| is_hit(*nth)).collect();
    assert_eq!(hit, [2, 3, 6, 10, 14]);
}

#[test]
fn requests_go_through_are_answered_or_are_cut() {
    let whole = String::from_utf8(ANSWER.to_vec()).unwrap();
    let bytes = "POST /es/_bulk HTTP/1.1\r\nContent-Length: 10\r\n\r\n0123456789".len();
    assert_eq!(through(ProxyFault::None, 3), (vec![whole.clone(); 3], 3 * bytes));
    let busy = "HTTP/1.1 429 x\r\ncontent-length: 0\r\n\r\n".to_owned();
    let (answers, came) = through(ProxyFault::Answer(busy.clone().into_bytes()), 4);
    assert_eq!((answers, came), (vec![whole.clone(), busy.clone(), busy, whole.clone()], 2 * bytes));
    let (answers, came) = through(ProxyFault::Cut, 4);
    let half = whole[..whole.len() / 2].to_owned();
    assert_eq!((answers, came), (vec![whole.clone(), String::new(), half, whole], 4 * bytes - 5));
}
