//! A mail server that takes everything, and is slow to say so: long enough to be killed in between.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// A mail that was taken, whether or not its sender lived to hear it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrived {
    pub to: String,
    pub message_id: String,
}

/// The server. Dropping it stops it.
#[derive(Debug)]
pub struct Sink {
    pub address: SocketAddr,
    arrived: Arc<Mutex<Vec<Arrived>>>,
    _stop: DropGuard,
}

impl Sink {
    /// Listens on a port of its own; up to `slowness` passes between the end of a message and the answer.
    pub async fn start(slowness: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (arrived, stop, tracker) = (Arc::<Mutex<Vec<Arrived>>>::default(), CancellationToken::new(), TaskTracker::new());
        let (kept, stopped, connections) = (Arc::clone(&arrived), stop.clone(), tracker.clone());
        tracker.spawn(stopped.run_until_cancelled_owned(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let kept = Arc::clone(&kept);
                connections.spawn(async move { serve(stream, &kept, slowness).await.unwrap_or_default() });
            }
        }));
        Self { address, arrived, _stop: stop.drop_guard() }
    }

    /// Everything that was taken, in order.
    pub fn arrived(&self) -> MutexGuard<'_, Vec<Arrived>> {
        self.arrived.lock().unwrap()
    }
}

async fn serve(stream: TcpStream, arrived: &Mutex<Vec<Arrived>>, slowness: Duration) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut to = String::new();
    write.write_all(b"220 sink.example.com ESMTP\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "RCPT" => line.split(['<', '>']).nth(1).unwrap_or_default().clone_into(&mut to),
            "DATA" => {
                write.write_all(b"354 go ahead\r\n").await?;
                let mut message_id = String::new();
                loop {
                    let Some(line) = lines.next_line().await? else { return Ok(()) };
                    if line == "." {
                        break;
                    }
                    if let Some(id) = line.strip_prefix("Message-ID:") {
                        id.trim().clone_into(&mut message_id);
                    }
                }
                arrived.lock().unwrap().push(Arrived { to: to.clone(), message_id });
                tokio::time::sleep(slowness.mul_f64(fastrand::f64())).await;
            }
            "QUIT" => return write.write_all(b"221 bye\r\n").await,
            _ => {}
        }
        write.write_all(b"250 ok\r\n").await?;
    }
    Ok(())
}
