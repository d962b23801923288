"""Words around a Chinese number that tell what it is. Every pattern looks at a few characters only.

Names that end in `BEFORE` are searched in what stands before a number, those in `AFTER` matched where it ends.
"""

from __future__ import annotations

from gpa_mlx.text.normalization import chinese_words as words
from gpa_mlx.text.normalization.rules import LazyPattern, listed, one_of


def _ending(table: str, between: str = "") -> LazyPattern:
    return LazyPattern(rf"{one_of(listed(table))}{between}$")


def _beginning(table: str, also: str = "(?!)") -> LazyPattern:
    return LazyPattern(rf"\s?(?:{one_of(listed(table))}|{also})")


# Codes -------------------------------------------------------------------------------------------------------------

_FILLER = r"(?:号码|号|码|是|为|就|叫|设|填|写|输|入|成|了|我|他|她|改|有|[:：=\s\"“'‘(（\[【《])"
# Earlier codes of the same row: the word before them holds for all.
_OTHERS = r"(?:[0-9A-Za-z][0-9A-Za-z -]{2,24}(?:[、/,，;；或和及与]|或者|以及)\s?){0,3}"
LONGEST_CODE_CONTEXT = 48
TELEPHONE_BEFORE = LazyPattern(
    rf"{one_of(words.TELEPHONE_WORDS)}(?:[0-9]{{1,2}}位数?字?|[0-9一二三])?{_FILLER}{{0,6}}{_OTHERS}$"
)
NO_TELEPHONE_BEFORE = LazyPattern("[攻击殴暴拍痛主吊敲安抽单双扭]打$")
SPOKEN_NUMBER_BEFORE = LazyPattern(
    rf"{one_of(words.SPOKEN_NUMBER_WORDS)}(?:[0-9]{{1,2}}位数?字?|[0-9一二三])?{_FILLER}{{0,4}}{_OTHERS}$"
)
CODE_BEFORE = LazyPattern(rf"{one_of(words.CODE_WORDS)}(?:[0-9]{{1,2}}位数?字?|[0-9一二三])?{_FILLER}{{0,6}}{_OTHERS}$")
NUMBER_OF_BEFORE = LazyPattern(r"[^第\W0-9A-Za-z_]号码?(?:[:：]|是|为)\s?$")
QUANTITY_BEFORE = LazyPattern(rf"{one_of(words.QUANTITY_WORDS)}[:：]?\s?$|[$€£¥+=×÷<>≥≤/-]$")
RIDE_BEFORE = _ending(
    """坐 乘 搭 乘坐 搭乘 国航 东航 南航 海航 川航 厦航 深航 山航 航空 春秋 吉祥 转乘 改乘
    高铁 动车 列车 火车 车次 航班 车票 换 赶 改签 上 上了 订 订了 买 买了 的""",
    "[是为:： ]{0,2}",
)
RIDE_AFTER = _beginning(
    """
    次 列车 高铁 动车 火车 航班 客机 飞机 的票 车票 班机 正点 晚点 延误 取消 起飞 降落 到达 到站 检票 直飞 经停
    备降 返航 登机 值机 已到 即将 开始检票 开始登机
    """,
    r"[从由飞往]\w",
)
ROOM_BEFORE = LazyPattern(
    r"(?:[^\W0-9a-z_]座|单元|号楼|[0-9]栋|[A-Z]栋|[0-9]幢|[0-9][#＃]"
    r"|(?:教学|办公|实验|宿舍|行政|综合|图书|科技|住院|门诊|写字|主|[东西南北])楼|(?:入住|我住|你住|他住|她住|住在|搬[到进去]))[-—\s]?$"
)
STOREY_BEFORE = LazyPattern(r"(?<![0-9])[0-9]{1,2}[层楼]\s?$")
ROOM_AFTER = LazyPattern("室|号房|房间|包间|包厢|教室|宿舍|寝室|会议室|病房|房(?!价|地|产|企|贷|东|源|租|屋)")
BRAND_BEFORE = LazyPattern(rf"{one_of(words.BRANDS)}-?$")
DESIGNATOR_BEFORE = LazyPattern(rf"{one_of(words.DESIGNATORS)}$")
DESIGNATED_BEFORE = LazyPattern(rf"{one_of(words.DESIGNATORS)}[-－—·]?$")
MODEL_AFTER = LazyPattern(
    r"[0-9]{1,4}[A-Z]?"
    + one_of(listed("型 号 式 战 隐 舰 机 导弹 火箭 轰炸 运输 歼击 直升 武装 卫星 飞船 探测器 坦克"))
)
TAG_BEFORE = LazyPattern(r"(?:^|[^0-9A-Za-z])#[^#\n]{1,40}$")
FILING_BEFORE = LazyPattern("[备证字第][0-9零一二三四五六七八九]{5,12}号$")
EXTENSION_BEFORE = LazyPattern(r"[0-9]\s?(?:转|分机)\s?$|[0-9]{3,4}[ -]?[0-9]{4}\s?[-#(]\s?$")
SHARE_AFTER = _beginning(
    "今日 今天 盘中 涨 跌 收盘 收涨 收跌 股价 开盘 尾盘 午盘 早盘 报收 这只 个股 停牌 复牌 大涨 大跌"
)
SHARE_BEFORE = LazyPattern(
    one_of(
        listed("重仓 买入 卖出 加仓 减仓 清仓 持有 抄底 关注 自选股 满仓 建仓 补仓 推荐 看好 个股 打新 割肉 做空 做多")
    )
    + rf"[了:： ]{{0,2}}{_OTHERS}$"
)
ADDRESS_BEFORE = LazyPattern(r"[省市区县镇乡村路街道巷弄号室楼栋大厦校院][,，;；]?\s?[(（]?$")
KEYS_BEFORE = LazyPattern("(?:按|拨|拨打|输入|密码|键入|代码|请按|发送|按下)[是为了:： ]{0,2}$")
FORMATION_AFTER = _beginning("阵型 阵容 的站位 站位")

# Times -------------------------------------------------------------------------------------------------------------

FESTIVAL = r"(?:国际)?" + one_of(
    listed("""
    劳动节 国庆 儿童节 妇女节 女神节 建军节 建党 青年节 护士节 教师节 大促 购物节 购物 事变 事件 运动 地震 大地震
    晚会 消费者 小长假 长假 黄金周 放假 假期 年中 狂欢 促销 活动日 特大地震 纪念日 公祭日 程序员节 读书日 环境日
    健康日 植树节 光棍节 恐袭 表白 告白 袭击 打假
    惨案 学潮 党的生日 抗战 抗日 光复 日本投降
    """)
)
"""After a month and a day that name a festival or an event."""
HOLIDAY = one_of(listed("劳动节 国庆 妇女节 女神节 儿童节 青年节 建军节 建党 大促 事变 事件 购物节 消费者"))
"""The same after a fraction that is none: 3/8妇女节."""
DATE_BEFORE = _ending(
    """
    日期 生日 截止 截至 截止到 定于 定在 改到 改为 改至 推迟到 推迟至 延期到 提前到 提前至 预计 有效期 有效期至 时间
    期限 会期 展期 工期 假期 档期 交期 今天 昨天 明天 后天 前天 今天是 订于 周一 周二 周三 周四 周五 周六 周日 周天
    星期一 星期二 星期三 星期四 星期五 星期六 星期日 星期天 于 自 日期是 保质期 保质期至 从
    """,
    r"[,，]?(?:日期|时间)?[是为在到至:： (（]{0,2}",
)
PERSON_BEFORE = _ending("我 你 他 她 我们 你们 他们 她们 咱们 老板 领导", r"[是在于从就要想会将]{0,2}\s?")
MOVE_AFTER = LazyPattern(r"\s?(?:去|来(?!自)|走|回|到|出发|返|搬|上班|下班|飞)")
DATE_AFTER = _beginning(
    """
    春分 秋分 夏至 冬至 立春 立夏 立秋 立冬 小满 芒种 大暑 处暑 霜降 大雪 小寒 大寒 开会 出发 上线 开始 举行 举办 见
    截止 到期 发布 晚 上午 下午 早上 早晨 中午 凌晨 傍晚 当天 起 提交 考试 放假 生日 开学 开业 开播 上映 发售 首发
    首播 交付 交货 入职 离职 报到 面试 更新 到货 发货 回国 返 圣诞 元旦 情人节 平安夜 跨年 端午 中秋 清明 愚人节 万圣
    感恩 春节 除夕 会议 直播 比赛 预约 结束 完成 的会 的课 的航班 的票 停电 停水 那天 早盘 收盘 行情 报名 集合 签到
    维护 休息 不上班 请假 加班 飞 到店 出院 手术 体检 聚会 婚礼 答辩 培训 毕业 讲座 生效 过期 有雨 下雨 降温 日报
    晨会 例会 正式 交稿 交作业 交房 开庭 开幕 闭幕 开工 复工 开赛 交卷 还款 搬家
    """,
    r"去(?![掉除皮年])|出发|上班|[(（]?(?:周|星期|礼拜)[一二三四五六日天]|[^\W0-9A-Za-z_]{1,4}节(?![目约省能奏点课日])|(?:是|就是)(?:我|你|他|她|它|妈|爸|老|咱)?\w{0,3}(?:生日|节|假|纪念日|截止|周[一二三四五六日末]|星期|婚礼|考试|开学)|之?前(?![两三几])|之?后(?=[,，。提交完])",
)
VERSION_BEFORE = LazyPattern(r"(?:[A-Za-z]|版本?号?|升级[到至]|更新[到至]|系统)[:：为是 ]{0,2}$")
MONTH_AFTER = _beginning(
    "入职 离职 毕业 至今 发布 更新 版 入学 成立 上线 出版 生产 开始 刊 期刊 印 修订 上市 就职 任职"
)
LONG_TIME_BEFORE = _ending("""
    共 达 近 约 已 有 整整 长达 过了 活了 历时 距今 干了 等了 判 判了 延长 长 活 享年 住了 刑 刑期 隔了 年龄 超过
    当了 开了 存在了 经历 过去 相隔 时隔 沉睡 埋藏
    """)
LONG_TIME_AFTER = LazyPattern(
    r"年(?:[来间里内前]|以[上来内]|之[久前]|左右|多|历史|寿命|时间|老店|如一日|校庆|庆典|陈|的(?:历史|时间|寿命|风雨|努力))"
)
YEAR_BEFORE = _ending(
    """
    世界杯 奥运会 欧洲杯 亚运会 春晚 今年是 去年是 明年是 年份 年份是 生于 出生于 建于 始建于 成立于 创立于 毕业于
    卒于
    """,
    "[：: ]?",
)
AGE_AFTER = LazyPattern("年(?:前|多?的?(?:悠久)?的?(?:历史|文明|沧桑|古都|古城|古镇|古树|岁月|传承))")
CURRENT_BEFORE = LazyPattern(
    r"(?:电流|额定|输出|输入|最大|电压|保险丝?|[0-9]V|伏|电池|充电|插[座头]|空开|断路器)[^，。；\n]{0,8}$"
)
CURRENT_AFTER = LazyPattern(
    "(?:的?(?:电流|插[座头]|充|快充|保险|空开|空气开关|电源|适配|电|线[缆径]?|断路|开关|漏保|闪充))"
)
ERA = one_of(
    listed("""
    康熙 雍正 乾隆 嘉庆 道光 咸丰 同治 光绪 宣统 民国 洪武 永乐 宣德 成化 嘉靖 万历 崇祯 贞观 开元 天宝 建安 明治 大正
    昭和 平成 令和 民國
    """)
)
"""Names of eras, whose years are counted; all of two characters."""
SHORT_YEAR_AFTER = LazyPattern(
    r"年(?:\s?(?:0?[1-9]|1[0-2])月|[初底末春夏秋冬款生]|毕业|结婚(?!纪)|入[职学党伍]|考[上研]|高考|中考|退[休伍]|参军|上市|成立|开业|买的|世界杯|奥运|欧洲杯|春节|国庆|来的|去世|离[婚职]|创[立办]|建[成的]|年[初末底]|[上下]半年|出生|的[春夏秋冬]|股灾|金融危机|地震|洪水|非典|疫情|那[年会场次])"
)
DURATION_BEFORE = _ending(
    """
    时长 片长 耗时 用时 历时 成绩 配速 全长 跑出 跑了 纪录 记录 游出 游了 计时 倒计时 总长 长度 音频 视频 录音
    剩余时间 停表 全马 半马 马拉松 完赛
    """,
    "(?:时间|约|大约|是|为|了|到|在|[:： ]){0,3}",
)
DURATION_AFTER = LazyPattern("的?(?:完赛|跑完|游完|骑完|冲线|夺冠|获胜|的?成绩|破纪录|刷新|创造)")
SHOPPING_BEFORE = LazyPattern("(?:双十一|双11|双十二|双12|618|6[.·]18|11[.·]11)[、和与跟]$")
DAYTIME_BEFORE = _ending("凌晨 早上 早 清晨 上午 中午 下午 傍晚 晚上 晚 夜里 午后 半夜 深夜", "[ :：,，]?")
YEAR_AFTER = LazyPattern(
    "年级的?|年(?!级)|"
    + one_of(
        listed("""
    届 款 级 版 赛季 学年 财年 奥运 世界杯 春晚 欧洲杯 亚运 春节 高考 中考 考研 国考 新年 元旦 财报 春夏 秋冬 冬奥
    亚冬 全运 世博 巴黎 东京 北京 里约 伦敦 卡塔尔 杭州 中国 全球 全国 世界 国际 毕业 校招 秋招 春招 跨年 双十一 双11
    专辑 巡演 动画 纪录片 暑期 暑假 寒假 央视 最新 上海 款 大学 级新生 胡润 福布斯 诺贝尔 NBA LPL CBA
    """)
    )
)
"""After four digits that are a year."""

# Amounts -----------------------------------------------------------------------------------------------------------

_RESULTS = """
    击败 战胜 取胜 获胜 胜 险胜 惜败 负 领先 落后 大胜 逆转 拿下 赢 输 告负 力克 战平 打平 横扫 淘汰 完胜 不敌 逼平
    大败 完败 绝杀 扳平 收官 的比分 晋级 轻取 带走 大破 屠 零封 血洗 小胜 拒绝 先声夺人 大比分
    """
RATIO_BEFORE = _ending(
    """
    比分 大比分 总比分 总分 战平 半场 全场 终场 首局 打成 战成 扳成 改写为 定格在 定格为 比例 比例尺 比率 配比 浓度比
    男女比 宽高比 画面 屏幕 画幅 尺寸比 汇率 赔率 稀释 模型 以 按 按照 盘口 体积比 质量比 性价比 队
    """,
    "[是为约: ：]{0,2}",
)
RATIO_AFTER = _beginning(_RESULTS + "稀释 混合 的比例 配比 兑 比例 屏 画面 画幅 的屏 模型 缩小 放大 还原 复刻 等比")
GAME_BEFORE = LazyPattern(
    one_of(
        listed("""
    比分 大比分 总比分 战绩 以 全场 半场 终场 打成 战成 扳成 改写为 定格在 定格为 总分 队 战平 最终 首局 决胜局
    """)
    )
    + r"[是为以:： ]{0,2}$|击败\w{0,4}$|[第首][一二三四五]?[局盘节]$"
)
RESULTS_BEFORE = LazyPattern("(?:[0-9]{1,3}[-–:：][0-9]{1,3}[、,，/和与及 ]{1,2}){1,6}$")
RESULTS_AFTER = LazyPattern("(?:[、,，/和与及 ]{1,2}[0-9]{1,3}[-–:：][0-9]{1,3}(?![0-9])){1,6}")
GAME_AFTER = _beginning(_RESULTS + words.TEAMS)
RATED_BEFORE = _ending(
    """
    打分 评分 得分 分数 成绩 考了 打了 打 满意度 综合 口碑 豆瓣 给 给了 评 评了 打出 拿 拿了 得 得了 星级 颜值 味道
    服务 环境 口感 剧情 难度 推荐指数 推荐度 语文 数学 英语 物理 化学 总分 指数 体验 绩点 GPA
    """,
    "(?:约|为|是|了|出|得|个|分|[:： ]){0,3}",
)
FULL_MARKS = frozenset(
    listed("""
    5 6 10 15 20 25 30 40 50 60 100 110 120 150 160 200 300 450 500 600 660 750 900 990 1000
    """)
)
"""What ratings and examinations go up to."""
PART_BEFORE = _ending("页码 步骤 章节 集数 进度条 页 Page page", "[:： ]{0,2}")
BLOOD_BEFORE = _ending("血压 高压 低压", "(?:值|约|为|是|[:： ]){0,3}")
HEIGHT_AFTER = LazyPattern("的?(?:个子|身高|个头|大汉|汉子|男|女|小伙|大个)")
HEIGHT_BEFORE = _ending("身高 个子 个头 高", "[是为约达了: ：]{0,2}")
TEMPERATURE_BEFORE = _ending(
    "气温 温度 最低 最高 体温 低温 降到 降至 跌到 跌至 夜间 白天 零下 室外 户外 低至 冷到 天气",
    "[是为约到至达: ：]{0,2}",
)
NO_TEMPERATURE_BEFORE = _ending(
    """
    角 角度 旋转 转 转了 倾斜 倾角 近视 偏 偏转 东经 西经 南纬 北纬 经度 纬度 屈光 散光 相位 坡度 仰角
    """,
    "[是为约到至: ：]{0,2}",
)
WAN_BEFORE = _ending(
    """
    年薪 月薪 粉丝 量 阅读 播放 播放量 阅读量 浏览 销量 卖 卖了 赚 赚了 花 花了 涨粉 点赞 收入 预算 存款 首付 奖金
    工资 价格 流量 曝光 观看 投 投了 亏 亏了 欠 欠了 近 超 破 约 达 年收入 月入 年入
    """,
    "[是为约到至达了: ：]{0,2}",
)
WAN_AFTER = _beginning("""
    + 人 粉 元 块 次 个 阅读 播放 点赞 左右 多 用户 销量 的销量 年薪 月薪 美元 美金 关注 收藏 条 单 件 观看 在线 以上
    以下 /平 /㎡ /月 /年 /人 /套 /m 年终奖 首付 存款 块钱 积分 字 起 粉丝
    """)
SHARP_AFTER = _beginning("""
    屏 电视 分辨率 画质 视频 超清 超高清 高清 显示器 蓝光 摄 录制 直播 影像 投影 修复 画面 片源 金 黄金 纯 白金 玫瑰
    镀 120 60帧 镜头 电影 游戏 无线 OLED HDR 跑
    """)
"""After 4K and 24K."""
STOREYS_BEFORE = _ending("""
    走 走了 爬 爬了 跑 涂 涂了 有 叠 叠了 共 穿 穿了 裹 裹了 盖 盖了 糊 加 加了 建 包 刷 刷了 贴 贴了 分 铺 隔 隔了
    只有 楼 别墅
    """)
"""Before 层 that are counted: 走2层 is two, 在2层 is the second."""
DOOR_AFTER = _beginning("室 号 楼 房 栋 幢 单元 门")
GOODS_AFTER = LazyPattern(
    one_of(
        listed("""
    斤 个 只 条 盒 瓶 杯 份 张 件 袋 包 箱 块 支 根 位 人 碗 串 本 台 套 两 双 盘 公斤 千克 平 间 桶 颗 枚 把 罐 听
    期 篇 首 注 股 手 桌 场 趟 对 束 亩 吨 克 升 度
    """)
    )
)
"""What is sold: 5元/斤 is five yuan one pound."""
