-- Since when a projection is paused; null while it may run. Each batch asks for it in the statement that moves the
-- checkpoint, so that every process honours it from its next batch on.
ALTER TABLE read.checkpoints ADD COLUMN paused_at timestamptz;
