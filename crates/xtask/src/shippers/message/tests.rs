//! Messages with bodies of a known length, in chunks, and without.

use std::io::Cursor;

use super::Message;

fn read(text: &str) -> (Message, u64) {
    let mut stream = Cursor::new(text.as_bytes());
    let mut message = Message::read_head(&mut stream).unwrap().unwrap();
    message.read_body(&mut stream).unwrap();
    (message, stream.position())
}

#[test]
fn a_message_is_read_up_to_its_end_and_no_further() {
    for text in [
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /es/_bulk?a=/x HTTP/1.1\r\nContent-Length: 4\r\n\r\n{}\n\n",
        "PUT /es/i/_bulk HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2;x=y\r\n{}\r\nA\r\n0123456789\r\n0\r\n\r\n",
    ] {
        let (message, end) = read(&format!("{text}GET"));
        assert_eq!((message.bytes(), end), (text.as_bytes().to_vec(), text.len() as u64));
        assert_eq!(message.is_bulk(), text.contains("_bulk"));
    }
}

#[test]
fn what_is_cut_off_is_no_message() {
    for text in [
        "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n{}",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
    ] {
        let mut stream = Cursor::new(text.as_bytes());
        let mut message = Message::read_head(&mut stream).unwrap().unwrap();
        assert!(message.read_body(&mut stream).is_err(), "{text}");
    }
    assert!(Message::read_head(&mut Cursor::new(b"POST / HTTP/1.1\r\n")).is_err());
    assert!(Message::read_head(&mut Cursor::new(b"")).unwrap().is_none());
}

#[test]
fn headers_have_no_case_and_can_be_left_out() {
    let (mut message, _) =
        read("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3\r\nconnection: Close\r\n\r\n");
    assert_eq!((message.status(), message.header("retry-after")), (429, Some("3")));
    assert!(message.ends_connection());
    message.remove_header("RETRY-AFTER");
    assert_eq!(message.head, "HTTP/1.1 429 Too Many Requests\r\nconnection: Close\r\n\r\n");
}
