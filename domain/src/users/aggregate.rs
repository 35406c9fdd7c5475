//! A user as their events tell, and what may happen next.

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{EmailCommand, EmailEvent, Role, UserCommand, UserError, UserEvent};
use crate::values::{SessionId, Text, UserId};

/// How many sessions stay alive at once; the oldest end first.
const SESSIONS_MAX: usize = 1000;

/// A person with a login.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct User {
    id: Option<UserId>,
    email: Option<Text>,
    email_key: String,
    name: Option<Text>,
    password_hash: Option<Text>,
    role: Role,
    sessions: Vec<SessionId>,
    forgotten: bool,
}

impl User {
    /// The id; none before the user signed up.
    pub fn id(&self) -> Option<UserId> {
        self.id
    }

    /// The address that they sign in with.
    pub fn email(&self) -> Option<&Text> {
        self.email.as_ref()
    }

    /// Keyed hash of the normalised address: the id of its reservation. Empty before the user signed up.
    pub fn email_key(&self) -> &str {
        &self.email_key
    }

    /// How they want to be called.
    pub fn name(&self) -> Option<&Text> {
        self.name.as_ref()
    }

    /// PHC string of the password.
    pub fn password_hash(&self) -> Option<&Text> {
        self.password_hash.as_ref()
    }

    /// What they may do.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether they signed up and were not forgotten since.
    pub fn is_registered(&self) -> bool {
        self.id.is_some() && !self.forgotten
    }

    /// Whether a session goes on: it began after the last change of the password and is among the 1000 newest.
    pub fn is_signed_in(&self, session: SessionId) -> bool {
        self.sessions.contains(&session)
    }

    /// What happens on this command.
    pub fn decide(&self, command: UserCommand) -> Result<Vec<UserEvent>, UserError> {
        if let UserCommand::Register {
            user,
            email,
            email_key,
            name,
            password_hash,
        } = command
        {
            return self.register(user, email, email_key, name, password_hash);
        }
        if self.forgotten && matches!(command, UserCommand::Forget) {
            return Ok(vec![]);
        }
        let Some(current_hash) = &self.password_hash else {
            return Err(UserError::NotRegistered);
        };
        let event = match command {
            UserCommand::Register { .. } => return Err(UserError::AlreadyRegistered),
            UserCommand::SignIn { session } if self.is_signed_in(session) => None,
            UserCommand::SignIn { session } => Some(UserEvent::SignedIn { session }),
            UserCommand::ChangePassword { password_hash } => {
                check_password_hash(&password_hash)?;
                (password_hash != *current_hash).then_some(UserEvent::PasswordChanged { password_hash })
            }
            UserCommand::ChangeProfile { name } => {
                check_name(name.as_ref())?;
                let from = self.name.clone();
                (name != from).then_some(UserEvent::ProfileChanged { from, to: name })
            }
            UserCommand::ChangeRole { role } => (role != self.role).then_some(UserEvent::RoleChanged {
                from: self.role,
                to: role,
            }),
            UserCommand::Forget => Some(UserEvent::Forgotten {}),
        };
        Ok(event.into_iter().collect())
    }

    fn register(
        &self,
        user: UserId,
        email: Text,
        email_key: String,
        name: Option<Text>,
        password_hash: Text,
    ) -> Result<Vec<UserEvent>, UserError> {
        if self.id.is_some() {
            return Err(UserError::AlreadyRegistered);
        }
        if !is_email(&email) {
            return Err(UserError::InvalidEmail);
        }
        let is_hash = (16..=128).contains(&email_key.len())
            && email_key
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if !is_hash {
            return Err(UserError::InvalidEmailKey);
        }
        check_name(name.as_ref())?;
        check_password_hash(&password_hash)?;
        Ok(vec![UserEvent::Registered {
            user,
            email,
            email_key,
            name,
            password_hash,
        }])
    }
}

impl Aggregate for User {
    const TYPE: &'static str = "user";
    type Command = UserCommand;
    type Event = UserEvent;
    type Error = UserError;
    type Services = ();

    async fn handle(&mut self, command: UserCommand, _: &(), sink: &EventSink<Self>) -> Result<(), UserError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: UserEvent) {
        match event {
            UserEvent::Registered {
                user,
                email,
                email_key,
                name,
                password_hash,
            } => {
                self.id = Some(user);
                self.email = Some(email);
                self.email_key = email_key;
                self.name = name;
                self.password_hash = Some(password_hash);
            }
            UserEvent::SignedIn { session } => {
                self.sessions.push(session);
                self.sessions.drain(..self.sessions.len().saturating_sub(SESSIONS_MAX));
            }
            UserEvent::PasswordChanged { password_hash } => {
                self.password_hash = Some(password_hash);
                self.sessions.clear();
            }
            UserEvent::ProfileChanged { from: _, to } => self.name = to,
            UserEvent::RoleChanged { from: _, to } => self.role = to,
            UserEvent::Forgotten {} => {
                // Who they were stays, so that the id is never given to anybody else.
                *self = Self {
                    id: self.id,
                    email_key: std::mem::take(&mut self.email_key),
                    forgotten: true,
                    ..Self::default()
                };
            }
        }
    }
}

/// The reservation of an e-mail address: a stream whose id is the address's keyed hash.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EmailReservation {
    user: Option<UserId>,
}

impl EmailReservation {
    /// Whose the address is; nobody's before it was reserved, and after it was released.
    pub fn user(&self) -> Option<UserId> {
        self.user
    }

    /// What happens on this command.
    pub fn decide(&self, command: EmailCommand) -> Result<Vec<EmailEvent>, UserError> {
        match (command, self.user) {
            (EmailCommand::Reserve { user }, None) => Ok(vec![EmailEvent::Reserved { user }]),
            (EmailCommand::Reserve { user }, Some(owner)) if owner == user => Ok(vec![]),
            (EmailCommand::Reserve { .. }, Some(_)) => Err(UserError::EmailTaken),
            (EmailCommand::Release { user }, Some(owner)) if owner == user => Ok(vec![EmailEvent::Released { user }]),
            // Somebody else's by now, or nobody's.
            (EmailCommand::Release { .. }, _) => Ok(vec![]),
        }
    }
}

impl Aggregate for EmailReservation {
    const TYPE: &'static str = "email";
    type Command = EmailCommand;
    type Event = EmailEvent;
    type Error = UserError;
    type Services = ();

    async fn handle(&mut self, command: EmailCommand, _: &(), sink: &EventSink<Self>) -> Result<(), UserError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: EmailEvent) {
        match event {
            EmailEvent::Reserved { user } => self.user = Some(user),
            EmailEvent::Released { user: _ } => self.user = None,
        }
    }
}

/// Only what no address can do without: whether it exists is found out by writing to it.
fn is_email(email: &Text) -> bool {
    email.is_line(254)
        && email.clear().is_some_and(|text| {
            let sides = text.rsplit_once('@');
            !text.contains(char::is_whitespace)
                && sides.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
        })
}

fn check_name(name: Option<&Text>) -> Result<(), UserError> {
    if name.is_none_or(|name| name.is_line(Text::NAME_CHARS_MAX)) {
        Ok(())
    } else {
        Err(UserError::InvalidName)
    }
}

fn check_password_hash(hash: &Text) -> Result<(), UserError> {
    let is_phc = hash.is_line(512) && hash.clear().is_some_and(|text| text.starts_with('$'));
    if is_phc {
        Ok(())
    } else {
        Err(UserError::InvalidPasswordHash)
    }
}
