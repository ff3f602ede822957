//! A server that speaks the protocol and has no replication id.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

/// Where it listens.
pub(crate) fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || serve(stream));
        }
    });
    address.to_string()
}

/// Until the client goes away.
fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut commands = BufReader::new(stream.try_clone()?);
    loop {
        let command = read(&mut commands)?;
        let answer = match command[0].as_str() {
            "INFO" => bulk("role:master\r\nredis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\n"),
            "EVAL" => bulk(""),
            _ => "+OK\r\n".to_owned(),
        };
        stream.write_all(answer.as_bytes())?;
    }
}

fn read(from: &mut BufReader<TcpStream>) -> io::Result<Vec<String>> {
    let words = number(from)?;
    (0..words)
        .map(|_| {
            let mut word = vec![0; number(from)? + 2];
            from.read_exact(&mut word)?;
            Ok(String::from_utf8_lossy(&word).trim_end().to_owned())
        })
        .collect()
}

/// The number behind `*` or `$`.
fn number(from: &mut BufReader<TcpStream>) -> io::Result<usize> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    line.get(1..).and_then(|number| number.trim_end().parse().ok()).ok_or(io::ErrorKind::UnexpectedEof.into())
}

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}
