"""The fleet: what agents and hub say to each other through Redis.

`address` reads the URL of a fleet, `keys` names what is in Redis, `entry` is what an agent sends,
`position` is how far its logs are sent or counted, `chain` decides which entries follow those that
were counted, `status` is what an agent says of itself every second.
"""
