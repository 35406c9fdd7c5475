-- How far each subscription has come: everything up to the position is done (or parked).
CREATE TABLE es.subscriptions (
    name       text COLLATE "C" PRIMARY KEY,
    position   bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- Events that a subscription could not handle. They block nothing behind them, and wait for a person.
CREATE TABLE es.parked (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subscription text COLLATE "C" NOT NULL,
    position     bigint NOT NULL,
    -- What the handler said; never text of the event.
    reason       text NOT NULL,
    attempts     integer NOT NULL,
    parked_at    timestamptz NOT NULL DEFAULT now(),
    -- Set when somebody asked for another try.
    replay_at    timestamptz,
    UNIQUE (subscription, position)
);
