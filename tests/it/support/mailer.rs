//! A mailer that keeps what it takes, and answers as it was told.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use entrawatch::mail::{Envelope, Fate, Mailer, SendError};
use entrawatch::policy::TransportKind;
use tokio::sync::Semaphore;
use uuid::Uuid;

/// What happens to one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// 250
    Taken,
    /// 451 at RCPT.
    Later,
    /// The connection breaks before DATA.
    Broken,
    /// The connection breaks after DATA's final dot; the server has taken the mail.
    TakenButBroken,
    /// 550 at RCPT.
    Never,
    /// 535
    SignInRefused,
    /// Nothing, ever.
    Silence,
}

/// A mail that the server took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub id: Uuid,
    pub to: String,
    pub message: String,
}

/// Takes every mail, unless told otherwise for its recipient.
#[derive(Debug)]
pub struct MemoryMailer {
    taken: Mutex<Vec<Taken>>,
    script: Mutex<BTreeMap<String, VecDeque<Answer>>>,
    /// What recipients without a script are answered.
    pub otherwise: Mutex<Answer>,
    attempts: Mutex<Vec<String>>,
    now: AtomicUsize,
    most: AtomicUsize,
    /// An attempt waits here before it is answered.
    pub gate: Semaphore,
}

impl MemoryMailer {
    pub fn new() -> Self {
        Self {
            taken: Mutex::default(),
            script: Mutex::default(),
            otherwise: Mutex::new(Answer::Taken),
            attempts: Mutex::default(),
            now: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        }
    }

    /// Answers the recipient's next attempts like this, then as all others.
    pub fn script(&self, to: &str, answers: &[Answer]) {
        self.script.lock().unwrap().entry(to.to_owned()).or_default().extend(answers);
    }

    pub fn answer_all(&self, answer: Answer) {
        *self.otherwise.lock().unwrap() = answer;
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }

    /// The recipients of all attempts, in order.
    pub fn attempts(&self) -> Vec<String> {
        self.attempts.lock().unwrap().clone()
    }

    /// How many attempts were under way at once at most.
    pub fn most_at_once(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    fn answer(&self, envelope: Envelope<'_>) -> Answer {
        let to = envelope.to.to_string();
        let answer = self.script.lock().unwrap().get_mut(&to).and_then(VecDeque::pop_front);
        let answer = answer.unwrap_or(*self.otherwise.lock().unwrap());
        if matches!(answer, Answer::Taken | Answer::TakenButBroken) {
            let message = String::from_utf8(envelope.message.to_vec()).unwrap();
            self.taken.lock().unwrap().push(Taken { id: envelope.id, to, message });
        }
        answer
    }
}

/// Counts down also when the attempt is dropped.
struct UnderWay<'a>(&'a AtomicUsize);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Mailer for MemoryMailer {
    fn kind(&self) -> TransportKind {
        TransportKind::Smtp
    }

    fn send<'a>(&'a self, envelope: Envelope<'a>) -> Pin<Box<dyn Future<Output = Result<String, SendError>> + Send + 'a>> {
        Box::pin(async move {
            let under_way = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            let _guard = UnderWay(&self.now);
            self.most.fetch_max(under_way, Ordering::SeqCst);
            self.attempts.lock().unwrap().push(envelope.to.to_string());
            let _passed = self.gate.acquire().await.unwrap();
            tokio::task::yield_now().await;
            let failed = |fate, answer: &str, after_data| Err(SendError { fate, answer: answer.to_owned(), after_data });
            match self.answer(envelope) {
                Answer::Taken => Ok("250 2.0.0 queued".to_owned()),
                Answer::Later => failed(Fate::Transient, "451 4.7.1 greylisted, try again later", false),
                Answer::Broken => failed(Fate::Transient, "connection reset", false),
                Answer::TakenButBroken => failed(Fate::Transient, "connection reset after the message", true),
                Answer::Never => failed(Fate::Permanent, "550 5.1.1 no such user", false),
                Answer::SignInRefused => failed(Fate::Misconfigured, "535 5.7.3 authentication unsuccessful", false),
                Answer::Silence => std::future::pending().await,
            }
        })
    }
}
