"""Call scenarios.  Each is `async def name(e)` and returns the list of calls that
really took place, in the vocabulary an integration has to arrive at:

  direction   inbound | outbound | internal
  from, to    the parties as dialled/presented (to = DID for inbound calls)
  answered_by the extension whose user spoke first, or null
  outcome     answered | missed | busy | failed
  ring_s      from the start of the call to the first human answer (or its end)
  talk_s      from the first human answer to the end of the call

Seconds are measured by the driver on the phones, not read from the PBX.
"""
import asyncio
import time

from softphone import Phone
from amirec import Ami, first

CALLER = '79161234567'
CALLER2 = '79269876543'
OUT = '84957654321'


class Env:
    def __init__(self, cfg):
        self.cfg = cfg
        b = self.base = int(cfg['PBX_BASE'])
        self.sip = int(cfg['PBX_SIP_PORT'])
        self.tech = cfg['PBX_TECH']
        self.version = tuple(int(x) for x in cfg['PBX_VERSION'].split('.')[:2])
        self.phones = {}
        self.ami = None
        self.extra_files = {}
        self.sip_log = []
        self.t0 = time.monotonic()
        for n, (user, port) in enumerate([('101', b + 101), ('102', b + 102), ('103', b + 103),
                                          ('104', b + 104), ('trunk', b + 300)]):
            self.phones[user] = Phone(user, port, self.sip, int(cfg['PBX_RTP_BASE']) + 50 * n,
                                      trace=self.trace)

    def trace(self, d, who, data):
        self.sip_log.append('%7.3f %s %s\n%s\n' % (time.monotonic() - self.t0, who, d,
                                                   data.decode('utf-8', 'replace')))

    def __getitem__(self, user):
        return self.phones[user]

    async def open(self):
        for p in self.phones.values():
            await p.open()

    def close(self):
        for p in self.phones.values():
            p.close()

    @property
    def trunk(self):
        return self.phones['trunk']

    def from_trunk(self, did, caller=CALLER, name=''):
        return self.trunk.call(did, from_user=caller, display=name)


# --- what a phone does with a call -------------------------------------------
def answers(ring=2.0, talk=None, then=None):
    async def h(d):
        d.ring()
        if await until(d.ended, ring):
            return
        d.answer()
        d.t_answer = time.monotonic()
        if then:
            await then(d)
        elif talk is not None:
            if not await until(d.ended, talk):
                d.bye()
    return h


def rings():
    async def h(d):
        d.ring()
    return h


def rejects(code=486, after=0.3):
    async def h(d):
        d.ring()
        if not await until(d.ended, after):
            d.reject(code)
    return h


async def until(event, timeout):
    try:
        await asyncio.wait_for(event.wait(), timeout)
        return True
    except asyncio.TimeoutError:
        return False


def need(ok, what):
    """A scenario that did not take the intended course must not leave a fixture behind."""
    if not ok:
        raise AssertionError('not as intended: ' + what)


def secs(a, b):
    return round(b - a, 1)


def call(direction, frm, to, by, outcome, ring, talk, **more):
    d = dict(direction=direction, **{'from': frm}, to=to, answered_by=by, outcome=outcome,
             ring_s=ring, talk_s=talk)
    d.update(more)
    return d


now = time.monotonic


# --- inbound ------------------------------------------------------------------
async def inbound_answered(e):
    """Provider -> DID -> 101 answers after 2 s, caller hangs up after 3 s."""
    e['101'].handler = answers(2)
    t = now()
    c = e.from_trunk('74951230101')
    need(await until(c.answered, 8), 'answered')
    a = now()
    await asyncio.sleep(3)
    c.bye()
    return [call('inbound', CALLER, '74951230101', '101', 'answered', secs(t, a), secs(a, now()),
                 hangup_by='caller')]


async def inbound_answered_agent_hangs_up(e):
    """As above, but the extension hangs up."""
    e['101'].handler = answers(1, talk=2)
    t = now()
    c = e.from_trunk('74951230101')
    need(await until(c.answered, 8), 'answered')
    a = now()
    await until(c.ended, 8)
    return [call('inbound', CALLER, '74951230101', '101', 'answered', secs(t, a), secs(a, now()),
                 hangup_by='agent')]


async def inbound_missed(e):
    """102 rings until the dial time-out of the PBX (5 s)."""
    e['102'].handler = rings()
    t = now()
    c = e.from_trunk('74951230102')
    await until(c.ended, 12)
    return [call('inbound', CALLER, '74951230102', None, 'missed', secs(t, now()), 0, rang=['102'])]


async def inbound_missed_cancel(e):
    """102 rings, the caller gives up after 3 s."""
    e['102'].handler = rings()
    t = now()
    c = e.from_trunk('74951230102')
    await asyncio.sleep(3)
    c.cancel()
    await until(c.ended, 5)
    return [call('inbound', CALLER, '74951230102', None, 'missed', secs(t, now()), 0, rang=['102'],
                 hangup_by='caller')]


async def inbound_busy(e):
    """103 rejects with 486."""
    e['103'].handler = rejects(486)
    t = now()
    c = e.from_trunk('74951230103')
    await until(c.ended, 8)
    return [call('inbound', CALLER, '74951230103', None, 'busy', secs(t, now()), 0, rang=['103'])]


async def inbound_declined(e):
    """103 presses "reject" (603)."""
    e['103'].handler = rejects(603, after=1)
    t = now()
    c = e.from_trunk('74951230103')
    await until(c.ended, 8)
    return [call('inbound', CALLER, '74951230103', None, 'busy', secs(t, now()), 0, rang=['103'],
                 note='603 Decline is cause 21; busy or missed is a matter of policy')]


async def inbound_unavailable(e):
    """105 has no registered phone: nothing rings."""
    t = now()
    c = e.from_trunk('74951230105')
    await until(c.ended, 8)
    return [call('inbound', CALLER, '74951230105', None, 'missed', secs(t, now()), 0, rang=[],
                 note='no phone rang; a missed call for the customer, failed for the PBX')]


async def ring_group_answered(e):
    """101, 102, 103 ring at once, 102 answers after 2 s."""
    e['101'].handler = rings()
    e['102'].handler = answers(2)
    e['103'].handler = rings()
    t = now()
    c = e.from_trunk('74951230200')
    need(await until(c.answered, 8), 'answered')
    a = now()
    await asyncio.sleep(3)
    c.bye()
    return [call('inbound', CALLER, '74951230200', '102', 'answered', secs(t, a), secs(a, now()),
                 rang=['101', '102', '103'])]


async def ring_group_missed(e):
    """All three ring, nobody answers until the dial time-out of the PBX (7 s)."""
    for x in ('101', '102', '103'):
        e[x].handler = rings()
    t = now()
    c = e.from_trunk('74951230200')
    await until(c.ended, 14)
    return [call('inbound', CALLER, '74951230200', None, 'missed', secs(t, now()), 0,
                 rang=['101', '102', '103'])]


async def ring_group_local(e):
    """The same group built of Local channels (as FreePBX and Elastix do)."""
    e['101'].handler = rings()
    e['102'].handler = rejects(486)
    e['103'].handler = answers(2)
    t = now()
    c = e.from_trunk('74951230210')
    need(await until(c.answered, 8), 'answered')
    a = now()
    await asyncio.sleep(3)
    c.bye()
    return [call('inbound', CALLER, '74951230210', '103', 'answered', secs(t, a), secs(a, now()),
                 rang=['101', '102', '103'])]


async def hunt_group(e):
    """101 does not answer in 3 s, then 102 is tried and answers after 1 s."""
    e['101'].handler = rings()
    e['102'].handler = answers(1)
    t = now()
    c = e.from_trunk('74951230220')
    need(await until(c.answered, 12), 'answered')
    a = now()
    await asyncio.sleep(2)
    c.bye()
    return [call('inbound', CALLER, '74951230220', '102', 'answered', secs(t, a), secs(a, now()),
                 rang=['101', '102'])]


async def queue_answered(e):
    """The PBX answers and queues the call; 101 and 102 ring, 101 answers after 2 s."""
    e['101'].handler = answers(2)
    e['102'].handler = rings()
    t = now()
    c = e.from_trunk('74951230300')
    await until(c.answered, 8)
    d = await asyncio.wait_for(e['101'].incoming.get(), 8)
    need(await until(d.answered, 8), 'answered')
    a = now()
    await asyncio.sleep(3)
    c.bye()
    return [call('inbound', CALLER, '74951230300', '101', 'answered', secs(t, a), secs(a, now()),
                 queue='support', rang=['101', '102'])]


async def queue_abandoned(e):
    """Both agents ring, the caller hangs up after 4 s in the queue."""
    e['101'].handler = rings()
    e['102'].handler = rings()
    t = now()
    c = e.from_trunk('74951230300')
    await until(c.answered, 8)
    await asyncio.sleep(4)
    c.bye()
    return [call('inbound', CALLER, '74951230300', None, 'missed', secs(t, now()), 0,
                 queue='support', rang=['101', '102'], note='the PBX had answered the channel')]


async def queue_all_busy_then_answered(e):
    """Both agents reject first; on the next round 102 answers."""
    n = {'102': 0}

    async def h102(d):
        n['102'] += 1
        await (rejects(486, 0.2) if n['102'] == 1 else answers(1))(d)
    e['101'].handler = rejects(486, 0.2)
    e['102'].handler = h102
    t = now()
    c = e.from_trunk('74951230300')
    await until(c.answered, 8)
    for _ in range(2):
        d = await asyncio.wait_for(e['102'].incoming.get(), 15)
    need(await until(d.answered, 8), 'answered')
    a = now()
    await asyncio.sleep(2)
    c.bye()
    return [call('inbound', CALLER, '74951230300', '102', 'answered', secs(t, a), secs(a, now()),
                 queue='support', rang=['101', '102'])]


async def ivr_to_extension(e):
    """The IVR answers, the caller presses 1, 101 answers after 1.5 s."""
    e['101'].handler = answers(1.5)
    t = now()
    c = e.from_trunk('74951230400')
    await until(c.answered, 8)
    await asyncio.sleep(1.5)
    await c.dtmf('1')
    d = await asyncio.wait_for(e['101'].incoming.get(), 8)
    need(await until(d.answered, 8), 'answered')
    a = now()
    await asyncio.sleep(3)
    c.bye()
    return [call('inbound', CALLER, '74951230400', '101', 'answered', secs(t, a), secs(a, now()),
                 ivr_keys='1')]


async def ivr_abandoned(e):
    """The caller hangs up inside the IVR: the channel was Up, nobody spoke."""
    t = now()
    c = e.from_trunk('74951230400')
    await until(c.answered, 8)
    await asyncio.sleep(2)
    c.bye()
    return [call('inbound', CALLER, '74951230400', None, 'missed', secs(t, now()), 0, rang=[],
                 note='left in the IVR; the PBX had answered the channel')]


async def announcement_only(e):
    """The PBX answers, waits 2 s and hangs up."""
    t = now()
    c = e.from_trunk('74951230800')
    await until(c.ended, 8)
    return [call('inbound', CALLER, '74951230800', None, 'missed', secs(t, now()), 0, rang=[],
                 note='answered by the PBX only')]


async def agi_route(e):
    """FastAGI names the extension (104); 104 answers after 1 s."""
    log = []
    done = asyncio.Event()

    async def serve(r, w):
        async def line():
            b = await r.readline()
            log.append(('<', b))
            return b

        async def cmd(text):
            b = (text + '\n').encode()
            log.append(('>', b))
            w.write(b)
            return await line()
        while True:
            b = await line()
            if b in (b'\n', b'\r\n', b''):
                break
        await cmd('VERBOSE "routing" 1')
        await cmd('GET VARIABLE DID')
        await cmd('GET VARIABLE NO_SUCH_VARIABLE')
        await cmd('NO SUCH COMMAND')
        await cmd('SET VARIABLE ROUTE_TO 104')
        w.close()
        done.set()
    srv = await asyncio.start_server(serve, '127.0.0.1', int(e.cfg['PBX_AGI_PORT']))
    e['104'].handler = answers(1)
    t = now()
    c = e.from_trunk('74951230500')
    need(await until(c.answered, 8), 'answered')
    a = now()
    await asyncio.sleep(2)
    c.bye()
    await asyncio.sleep(0.5)
    srv.close()
    # the transcript of the AGI session: '<' from Asterisk, '>' to Asterisk
    e.extra_files['.agi'] = b''.join(b'%s %s' % (d.encode(), b) for d, b in log)
    return [call('inbound', CALLER, '74951230500', '104', 'answered', secs(t, a), secs(a, now()))]


async def agi_hangup(e):
    """The caller hangs up while the AGI service is still busy."""
    log = []

    async def serve(r, w):
        async def line():
            b = await r.readline()
            log.append(('<', b))
            return b
        while True:
            b = await line()
            if b in (b'\n', b'\r\n', b''):
                break
        for text in ('ANSWER', 'WAIT FOR DIGIT 5000', 'GET VARIABLE DID', 'CHANNEL STATUS'):
            b = (text + '\n').encode()
            log.append(('>', b))
            try:
                w.write(b)
                x = await asyncio.wait_for(line(), 8)
                if x.startswith(b'HANGUP'):
                    x = await asyncio.wait_for(line(), 8)
            except (ConnectionError, asyncio.TimeoutError):
                break
            if not x:
                break
        w.close()
    srv = await asyncio.start_server(serve, '127.0.0.1', int(e.cfg['PBX_AGI_PORT']))
    t = now()
    c = e.from_trunk('74951230500')
    await until(c.answered, 8)
    await asyncio.sleep(1.5)
    c.bye()
    await asyncio.sleep(1.5)
    srv.close()
    e.extra_files['.agi'] = b''.join(b'%s %s' % (d.encode(), b) for d, b in log)
    return [call('inbound', CALLER, '74951230500', None, 'missed', secs(t, now()) - 1.5, 0, rang=[])]


async def recorded_call(e):
    """MixMonitor runs; the file name is in the CDR user field and the variables."""
    e['101'].handler = answers(1)
    t = now()
    c = e.from_trunk('74951230600')
    need(await until(c.answered, 8), 'answered')
    a = now()
    await asyncio.sleep(3)
    c.bye()
    return [call('inbound', CALLER, '74951230600', '101', 'answered', secs(t, a), secs(a, now()),
                 recorded=True)]


async def hostile_caller_id(e):
    """Caller name and number full of AMI metacharacters (percent-encoded CR LF included)."""
    e['101'].handler = answers(1)
    t = now()
    bad = 'x%0d%0aEvent%3a%20Hangup%0d%0aUniqueid%3a%20forged'
    c = e.from_trunk('74951230101', caller=bad, name='Evil: \\\\ <1> Event%3a Hangup')
    need(await until(c.answered, 8), 'answered')
    a = now()
    await asyncio.sleep(2)
    c.bye()
    return [call('inbound', None, '74951230101', '101', 'answered', secs(t, a), secs(a, now()),
                 note='the number is not a number; nothing in it may be taken for protocol')]


async def pbx_busy(e):
    """The dialplan itself answers "busy"."""
    t = now()
    c = e.from_trunk('74951230900')
    await until(c.ended, 8)
    return [call('inbound', CALLER, '74951230900', None, 'busy', secs(t, now()), 0, rang=[])]


async def forward_302(e):
    """101 forwards to 102 with a 302; 102 answers."""
    async def h(d):
        d.ring()
        await asyncio.sleep(0.3)
        d.redirect('102')
    e['101'].handler = h
    e['102'].handler = answers(1.5)
    t = now()
    c = e.from_trunk('74951230101')
    need(await until(c.answered, 8), 'answered')
    a = now()
    await asyncio.sleep(2)
    c.bye()
    return [call('inbound', CALLER, '74951230101', '102', 'answered', secs(t, a), secs(a, now()),
                 forwarded_by='101')]


# --- transfers, hold, park, pickup ----------------------------------------------
async def blind_transfer(e):
    """101 answers and after 2 s sends REFER to 102, which answers after 1.5 s."""
    async def then(d):
        await asyncio.sleep(2)
        d.t_refer = now()
        await d.refer('102')
    e['101'].handler = answers(1.5, then=then)
    e['102'].handler = answers(1.5)
    t = now()
    c = e.from_trunk('74951230101')
    need(await until(c.answered, 8), 'answered')
    a = now()
    d2 = await asyncio.wait_for(e['102'].incoming.get(), 10)
    need(await until(d2.answered, 8), '102 answered')
    await asyncio.sleep(3)
    need(not c.ended.is_set() and not d2.ended.is_set(), 'caller still with 102')
    c.bye()
    return [call('inbound', CALLER, '74951230101', '101', 'answered', secs(t, a), secs(a, now()),
                 transferred_to='102', transfer='blind', parties=['101', '102'])]


async def blind_transfer_no_answer(e):
    """As above, but 102 does not answer and the PBX drops the caller."""
    async def then(d):
        await asyncio.sleep(2)
        await d.refer('102')
    e['101'].handler = answers(1, then=then)
    e['102'].handler = rings()
    t = now()
    c = e.from_trunk('74951230101')
    need(await until(c.answered, 8), 'answered')
    a = now()
    await until(c.ended, 14)
    return [call('inbound', CALLER, '74951230101', '101', 'answered', secs(t, a), secs(a, now()),
                 transferred_to='102', transfer='blind', transfer_outcome='missed',
                 parties=['101'])]


async def attended_transfer_feature(e):
    """101 dials *2 102 (feature code), speaks to 102, hangs up: caller is with 102."""
    async def then(d):
        await asyncio.sleep(1.5)
        await d.dtmf('*2')
        await asyncio.sleep(0.8)
        await d.dtmf('102')
        d2 = await asyncio.wait_for(e['102'].incoming.get(), 10)
        await until(d2.answered, 8)
        await asyncio.sleep(2)
        d.bye()
    e['101'].handler = answers(1, then=then)
    e['102'].handler = answers(1.5)
    t = now()
    c = e.from_trunk('74951230101')
    need(await until(c.answered, 8), '101 answered')
    a = now()
    d1 = await e['101'].incoming.get()
    need(await until(d1.ended, 14), 'transferer left')
    await asyncio.sleep(3)
    need(not c.ended.is_set(), 'caller still with 102')
    c.bye()
    return [call('inbound', CALLER, '74951230101', '101', 'answered', secs(t, a), secs(a, now()),
                 transferred_to='102', transfer='attended', parties=['101', '102'])]


async def hold_unhold(e):
    """101 puts the caller on hold for 2 s (re-INVITE) and takes the call back."""
    async def then(d):
        await asyncio.sleep(1.5)
        await d.hold()
        await asyncio.sleep(2)
        await d.unhold()
    e['101'].handler = answers(1, then=then)
    t = now()
    c = e.from_trunk('74951230101')
    need(await until(c.answered, 8), 'answered')
    a = now()
    await asyncio.sleep(6)
    c.bye()
    return [call('inbound', CALLER, '74951230101', '101', 'answered', secs(t, a), secs(a, now()),
                 held_s=2)]


async def park_retrieve(e):
    """101 answers, parks the call (blind transfer to 700), 104 dials 701."""
    async def then(d):
        await asyncio.sleep(1.5)
        await d.refer('700')
    e['101'].handler = answers(1, then=then)
    t = now()
    c = e.from_trunk('74951230101')
    need(await until(c.answered, 8), 'answered')
    a = now()
    await asyncio.sleep(5)
    r = e['104'].call('701')
    need(await until(r.answered, 5), 'call retrieved')
    await asyncio.sleep(2)
    need(not c.ended.is_set(), 'caller still there')
    c.bye()
    await until(r.ended, 3)
    return [call('inbound', CALLER, '74951230101', '101', 'answered', secs(t, a), secs(a, now()),
                 parked=True, retrieved_by='104', parties=['101', '104'])]


async def pickup_group(e):
    """101 rings; 104 dials *8 (group pickup) and gets the call."""
    e['101'].handler = rings()
    t = now()
    c = e.from_trunk('74951230101')
    await asyncio.sleep(2)
    p = e['104'].call('*8')
    need(await until(c.answered, 6), 'picked up')
    a = now()
    await asyncio.sleep(3)
    need(not c.ended.is_set() and not p.ended.is_set(), 'talking')
    c.bye()
    await until(p.ended, 3)
    return [call('inbound', CALLER, '74951230101', '104', 'answered', secs(t, a), secs(a, now()),
                 rang=['101'], picked_up_from='101')]


async def connect_mid_call(e):
    """The AMI client connects while a call is already up: everything before that has to
    come from a snapshot (Status, CoreShowChannels where it exists, BridgeList), the end from events."""
    e['101'].handler = answers(1)
    t = now()
    c = e.from_trunk('74951230101')
    need(await until(c.answered, 8), 'answered')
    a = now()
    await asyncio.sleep(2)
    await e.ami.close()
    e.ami = await Ami(int(e.cfg['PBX_AMI_PORT']), secret=e.cfg['PBX_SECRET']).open()
    await e.ami.login()
    for act in ('CoreShowChannels', 'Status', 'BridgeList'):
        await e.ami.action(('Action', act))
        await asyncio.sleep(0.2)
    await asyncio.sleep(1)
    c.bye()
    return [call('inbound', CALLER, '74951230101', '101', 'answered', secs(t, a), secs(a, now()),
                 note='the client saw only the last second; times before that are unknown to it '
                      'unless the PBX tells them (Seconds/Duration in the snapshot)')]


# --- internal and outbound --------------------------------------------------------
async def internal_answered(e):
    """104 calls 101."""
    e['101'].handler = answers(1.5)
    t = now()
    c = e['104'].call('101')
    need(await until(c.answered, 8), 'answered')
    a = now()
    await asyncio.sleep(2)
    c.bye()
    return [call('internal', '104', '101', '101', 'answered', secs(t, a), secs(a, now()))]


async def internal_missed(e):
    """104 calls 102, nobody answers."""
    e['102'].handler = rings()
    t = now()
    c = e['104'].call('102')
    await until(c.ended, 12)
    return [call('internal', '104', '102', None, 'missed', secs(t, now()), 0)]


async def outbound_answered(e):
    """101 dials out; the subscriber answers after 2 s and hangs up after 3 s."""
    e.trunk.handler = answers(2, talk=3)
    t = now()
    c = e['101'].call(OUT)
    need(await until(c.answered, 8), 'answered')
    a = now()
    await until(c.ended, 10)
    return [call('outbound', '101', OUT, OUT, 'answered', secs(t, a), secs(a, now()),
                 agent='101', hangup_by='callee')]


async def outbound_no_answer(e):
    """101 dials out and gives up after 4 s."""
    e.trunk.handler = rings()
    t = now()
    c = e['101'].call(OUT)
    await asyncio.sleep(4)
    c.cancel()
    await until(c.ended, 5)
    return [call('outbound', '101', OUT, None, 'missed', secs(t, now()), 0, agent='101')]


async def outbound_busy(e):
    e.trunk.handler = rejects(486, 1)
    t = now()
    c = e['101'].call(OUT)
    await until(c.ended, 8)
    return [call('outbound', '101', OUT, None, 'busy', secs(t, now()), 0, agent='101')]


async def outbound_failed(e):
    """The provider answers 404 (unallocated number)."""
    e.trunk.handler = rejects(404, 0.5)
    t = now()
    c = e['101'].call(OUT)
    await until(c.ended, 8)
    return [call('outbound', '101', OUT, None, 'failed', secs(t, now()), 0, agent='101')]


async def outbound_provider_down(e):
    """The provider answers 503."""
    e.trunk.handler = rejects(503, 0.5)
    t = now()
    c = e['101'].call(OUT)
    await until(c.ended, 8)
    return [call('outbound', '101', OUT, None, 'failed', secs(t, now()), 0, agent='101')]


# --- click to dial ------------------------------------------------------------------
def originate(e, aid, exten=OUT, agent='101', timeout=8000, **more):
    f = [('Action', 'Originate'), ('ActionID', aid), ('Channel', '%s/%s' % (e.tech, agent)),
         ('Context', 'from-internal'), ('Exten', exten), ('Priority', '1'),
         ('CallerID', 'Click to dial <%s>' % exten), ('Timeout', str(timeout)), ('Async', 'true')]
    if e.version >= (1, 6):
        f.append(('Variable', 'HUB_REQUEST=' + aid))
        f.append(('Variable', '__HUB_INHERIT=' + aid))
    else:
        f.append(('Variable', 'HUB_REQUEST=%s|__HUB_INHERIT=%s' % (aid, aid)))
    if e.version >= (12, 0):
        f.append(('ChannelId', 'hub-%s-a' % aid))
        f.append(('OtherChannelId', 'hub-%s-b' % aid))
    f += list(more.items())
    return f


async def click_to_dial(e):
    """Originate: 101 rings first (answers after 1.5 s), then the subscriber (2 s)."""
    e['101'].handler = answers(1.5)
    e.trunk.handler = answers(2)
    t = now()
    await e.ami.action(*originate(e, 'c2d-0001'))
    d = await asyncio.wait_for(e.trunk.incoming.get(), 10)
    need(await until(d.answered, 8), 'answered')
    a = now()
    await asyncio.sleep(3)
    d.bye()
    return [call('outbound', '101', OUT, OUT, 'answered', secs(t, a), secs(a, now()), agent='101',
                 click_to_dial='c2d-0001')]


async def click_to_dial_agent_no_answer(e):
    """The agent does not lift: Originate times out after 4 s, the subscriber is never called."""
    e['101'].handler = rings()
    t = now()
    await e.ami.action(*originate(e, 'c2d-0002', timeout=4000))
    await e.ami.wait(lambda m: m.get('Event') == 'OriginateResponse', 8)
    return [call('outbound', '101', OUT, None, 'missed', secs(t, now()), 0, agent='101',
                 click_to_dial='c2d-0002', note='the agent did not answer; no call to the subscriber')]


async def click_to_dial_agent_busy(e):
    e['101'].handler = rejects(486, 0.3)
    t = now()
    await e.ami.action(*originate(e, 'c2d-0003', timeout=4000))
    await e.ami.wait(lambda m: m.get('Event') == 'OriginateResponse', 8)
    return [call('outbound', '101', OUT, None, 'failed', secs(t, now()), 0, agent='101',
                 click_to_dial='c2d-0003', note='the agent rejected; no call to the subscriber')]


async def click_to_dial_dest_busy(e):
    """The agent answers, the subscriber is busy."""
    e['101'].handler = answers(1)
    e.trunk.handler = rejects(486, 1)
    t = now()
    await e.ami.action(*originate(e, 'c2d-0004'))
    d = await asyncio.wait_for(e.trunk.incoming.get(), 10)
    await until(d.ended, 8)
    return [call('outbound', '101', OUT, None, 'busy', secs(t, now()), 0, agent='101',
                 click_to_dial='c2d-0004')]


async def click_to_dial_unregistered(e):
    """The extension has no phone: Originate fails at once."""
    t = now()
    await e.ami.action(*originate(e, 'c2d-0005', agent='105', timeout=4000))
    await e.ami.wait(lambda m: m.get('Event') == 'OriginateResponse', 8)
    return [call('outbound', '105', OUT, None, 'failed', secs(t, now()), 0, agent='105',
                 click_to_dial='c2d-0005')]


async def click_to_dial_bad_number(e):
    """The number matches nothing in the dialplan: refused at once by 12+, while older
    versions ring the agent first and drop the call when he answers."""
    e['101'].handler = answers(1)
    t = now()
    r = await e.ami.action(*originate(e, 'c2d-0007', exten='55555'))
    if r and r.get('Response') == 'Error':
        await asyncio.sleep(1)
        return []
    d = await asyncio.wait_for(e['101'].incoming.get(), 10)
    await until(d.ended, 8)
    return [call('outbound', '101', '55555', None, 'failed', secs(t, now()), 0, agent='101',
                 click_to_dial='c2d-0007', note='nothing was dialled after the agent answered')]


async def click_to_dial_local(e):
    """Originate through a Local channel (Local/101@ext-local), as many connectors do."""
    e['101'].handler = answers(1.5)
    e.trunk.handler = answers(2)
    t = now()
    f = originate(e, 'c2d-0006')
    f = [(k, 'Local/101@ext-local') if k == 'Channel' else (k, v) for k, v in f]
    await e.ami.action(*f)
    d = await asyncio.wait_for(e.trunk.incoming.get(), 10)
    need(await until(d.answered, 8), 'answered')
    a = now()
    await asyncio.sleep(3)
    d.bye()
    return [call('outbound', '101', OUT, OUT, 'answered', secs(t, a), secs(a, now()), agent='101',
                 click_to_dial='c2d-0006')]


# --- the hub's part ------------------------------------------------------------------
async def hub_dials(e):
    """Nothing is originated here: the hub is asked to dial OUT for 101 once the phones are ready.
    101 answers after 1.5 s, the subscriber after 2 s and hangs up after 3 s."""
    e['101'].handler = answers(1.5)
    e.trunk.handler = answers(2)
    own = await asyncio.wait_for(e['101'].incoming.get(), 20)
    t = now()
    d = await asyncio.wait_for(e.trunk.incoming.get(), 10)
    need(await until(d.answered, 8), 'answered')
    a = now()
    await asyncio.sleep(3)
    d.bye()
    await until(own.ended, 5)
    return [call('outbound', '101', OUT, OUT, 'answered', secs(t, a), secs(a, now()), agent='101')]


ALL = [f for n, f in list(globals().items())
       if asyncio.iscoroutinefunction(f) and n not in ('until',)]
