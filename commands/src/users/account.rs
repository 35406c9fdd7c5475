//! What a user is: registration, profile, password, role.

use spendlog_domain::{
    books::ConfirmationPolicy,
    users::{EmailCommand, EmailReservation, Role, User, UserCommand},
    values::{Text, UserId},
};
use spendlog_web::{Code, Problem, auth::Passwords};

use super::{email_key, phc, verify};
use crate::{Commands, Context, Done, Open, Plan, UseCase, Written, books, first_book};

/// Signs a user up: the address is reserved, the user, their first book and its categories come to be, in one append.
#[derive(Clone, Debug)]
pub struct Register {
    /// The new user.
    pub user: UserId,
    /// The address, as they wrote it.
    pub email: Text,
    /// Keyed hash of the normalised address.
    pub email_key: String,
    /// How they want to be called.
    pub name: Option<Text>,
    /// PHC string of the password.
    pub password_hash: Text,
}

impl UseCase for Register {
    const NAME: &'static str = "users.register";
    type Main = User;

    async fn plan(&self, plan: &mut Plan<'_>) -> Result<Written<User>, Problem> {
        let Self {
            user,
            email,
            email_key,
            name,
            password_hash,
        } = self.clone();
        let mut reservation = plan.open_or_absent::<EmailReservation>(&email_key).await?;
        if reservation.state().user().is_some() {
            return Err(Code::EmailTaken.into());
        }
        let mut open = Open::<User>::absent(user);
        open.run(UserCommand::Register {
            user,
            email,
            email_key,
            name,
            password_hash,
        })?;
        // Only now: keys are made for those who have come so far.
        let book = first_book(&*plan.keys(user.uuid()).await?, user);
        reservation.run(EmailCommand::Reserve { user })?;
        plan.write(reservation, user.uuid())?;
        let written = plan.write(open, user.uuid())?;
        let (name, policy) = (Text::from("My book"), ConfirmationPolicy::Manual);
        books::open_with_categories(plan, book, user, name, policy).await?;
        Ok(written)
    }
}

/// Signs a user up. The context's command id becomes the user's id.
pub async fn register(
    commands: &Commands,
    context: &Context,
    email: String,
    password: String,
    name: Option<String>,
) -> Result<Done<User>, Problem> {
    Passwords::check_new(&password, "/password")?;
    let email = email.trim().to_owned();
    let email_key = email_key(commands, &email).await?;
    let password_hash = Text::from(commands.passwords.hash(password).await?);
    let (user, name) = (UserId::new(context.command_id), name.map(Text::from));
    commands
        .run(
            context,
            &Register {
                user,
                email: Text::from(email),
                email_key,
                name,
                password_hash,
            },
        )
        .await
}

/// Changes how a user wants to be called.
#[derive(Clone, Debug)]
pub struct ChangeProfile {
    /// The user.
    pub user: UserId,
    /// The name from now on, if that is to change; none in it removes the name.
    pub name: Option<Option<Text>>,
}

impl UseCase for ChangeProfile {
    const NAME: &'static str = "users.change";
    type Main = User;

    async fn plan(&self, plan: &mut Plan<'_>) -> Result<Written<User>, Problem> {
        let mut user = plan.open_main::<User>(self.user).await?;
        if let Some(name) = self.name.clone() {
            user.run(UserCommand::ChangeProfile { name })?;
        }
        plan.write(user, self.user.uuid())
    }
}

/// Changes a password that was verified.
#[derive(Clone, Debug)]
pub struct ChangePassword {
    /// The user.
    pub user: UserId,
    /// PHC string that the old password was verified against.
    pub verified: String,
    /// PHC string of the new password.
    pub password_hash: Text,
}

impl UseCase for ChangePassword {
    const NAME: &'static str = "users.change_password";
    type Main = User;

    async fn plan(&self, plan: &mut Plan<'_>) -> Result<Written<User>, Problem> {
        let mut user = plan.open_main::<User>(self.user).await?;
        if phc(user.state()).as_deref() != Some(&*self.verified) {
            return Err(Code::InvalidCredentials.into());
        }
        user.run(UserCommand::ChangePassword {
            password_hash: self.password_hash.clone(),
        })?;
        plan.write(user, self.user.uuid())
    }
}

/// Changes a user's password. All their sessions end.
pub async fn change_password(
    commands: &Commands,
    context: &Context,
    user: UserId,
    old: String,
    new: String,
) -> Result<Done<User>, Problem> {
    Passwords::check_new(&new, "/new_password")?;
    let state = commands.dispatch.newest::<User>(user).await?;
    if let Err(problem) = verify(commands, &user.to_string(), None, old, Some(&state)).await {
        // The command may have been done before: then it is the new password that is good by now.
        if problem.code != Code::InvalidCredentials || !context.repeatable {
            return Err(problem);
        }
        let again = ChangePassword {
            user,
            verified: String::new(),
            password_hash: Text::Forgotten,
        };
        return commands.run(context, &again).await;
    }
    let verified = phc(&state).unwrap_or_default();
    let password_hash = Text::from(commands.passwords.hash(new).await?);
    commands
        .run(
            context,
            &ChangePassword {
                user,
                verified,
                password_hash,
            },
        )
        .await
}

/// Gives a user another role.
#[derive(Clone, Debug)]
pub struct ChangeRole {
    /// The user.
    pub user: UserId,
    /// The role from now on.
    pub role: Role,
}

impl UseCase for ChangeRole {
    const NAME: &'static str = "users.change_role";
    type Main = User;

    async fn plan(&self, plan: &mut Plan<'_>) -> Result<Written<User>, Problem> {
        let mut user = plan.open::<User>(self.user).await?;
        user.run(UserCommand::ChangeRole { role: self.role })?;
        plan.write(user, self.user.uuid())
    }
}
