//! A Redis whose tickets are taken in two steps, for tests that must notice it.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Leads to a server, but does what the script that takes a ticket does with `GET`, then `DEL`.
pub(crate) async fn broken_way_to(server: u16) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            tokio::spawn(async move {
                let far = TcpStream::connect(("127.0.0.1", server)).await?;
                Broken { near: BufReader::new(near), far: BufReader::new(far) }.serve().await
            });
        }
    });
    address
}

struct Broken {
    near: BufReader<TcpStream>,
    far: BufReader<TcpStream>,
}

impl Broken {
    /// Until either end goes away.
    async fn serve(&mut self) -> io::Result<()> {
        loop {
            let command = Resp::read(&mut self.near).await?;
            let answer = match &command.texts[..] {
                [name, ..] if name == b"EVALSHA" => b"-NOSCRIPT Send its text.\r\n".to_vec(),
                [name, script, _, grant, ..] if name == b"EVAL" && holds(script, b"GETDEL") => self.take(grant).await?,
                _ => self.ask(&command.raw).await?.raw,
            };
            self.near.write_all(&answer).await?;
        }
    }

    async fn take(&mut self, grant: &[u8]) -> io::Result<Vec<u8>> {
        let got = self.ask(&encoded(&[b"GET", grant])).await?;
        self.ask(&encoded(&[b"DEL", grant])).await?;
        Ok(match got.texts.first() {
            None => encoded(&[grant, b"absent"]),
            Some(text) => {
                let mut answer = b"*5\r\n".to_vec();
                answer.extend(bulk(grant).into_iter().chain(bulk(b"taken")));
                answer.extend_from_slice(b":0\r\n:1\r\n");
                answer.extend(bulk(text));
                answer
            }
        })
    }

    async fn ask(&mut self, command: &[u8]) -> io::Result<Resp> {
        self.far.write_all(command).await?;
        Resp::read(&mut self.far).await
    }
}

/// A command or an answer.
struct Resp {
    raw: Vec<u8>,
    /// Its bulk strings, however deep they are.
    texts: Vec<Vec<u8>>,
}

impl Resp {
    async fn read(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Self> {
        let (mut raw, mut texts, mut missing) = (Vec::new(), Vec::new(), 1_i64);
        while missing > 0 {
            let start = raw.len();
            if from.read_until(b'\n', &mut raw).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = String::from_utf8_lossy(&raw[start..]).trim_end().to_owned();
            let number = || line[1..].parse::<i64>().map_err(io::Error::other);
            missing -= 1;
            match line.as_bytes().first() {
                Some(b'*') => missing += number()?.max(0),
                Some(b'$') => {
                    if let Ok(length) = usize::try_from(number()?) {
                        let mut text = vec![0; length + 2];
                        from.read_exact(&mut text).await?;
                        raw.extend_from_slice(&text);
                        text.truncate(length);
                        texts.push(text);
                    }
                }
                _ => {}
            }
        }
        Ok(Self { raw, texts })
    }
}

fn encoded(texts: &[&[u8]]) -> Vec<u8> {
    let head = format!("*{}\r\n", texts.len()).into_bytes();
    texts.iter().fold(head, |all, text| [all, bulk(text)].concat())
}

fn bulk(text: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", text.len()).as_bytes(), text, b"\r\n"].concat()
}

fn holds(text: &[u8], what: &[u8]) -> bool {
    text.windows(what.len()).any(|window| window == what)
}
